"""Whose shell it is, and the environment a session gets. Pure but for `mine`."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Of ours: all else stays with the app, which has been told where the bus is and where keys lie.
KEPT: Final = ("PATH", "TZ", "LANG", "LANGUAGE", "VISCRIPT_SEQ", "VISCRIPT_HOME_ID")
ASKED: Final = re.compile(r"(LANG|LANGUAGE|LC_[A-Z]{1,20}|COLORTERM|NO_COLOR|TZ)\Z")
VALUE_MAX: Final = 256
_TERM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z")
_NO_SHELL: Final = "/bin/sh"


@dataclass(frozen=True)
class Account:
    """The user whose app this is."""

    user: str
    home: str
    shell: str

    def argv(self, command: str | None) -> list[str]:
        """What is run: a login shell, or the shell with a command."""
        if command is None:
            return ["-" + Path(self.shell).name]
        return [Path(self.shell).name, "-c", command]


def mine() -> Account:
    """Our own; a user without an entry gets /bin/sh."""
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        return Account(str(os.geteuid()), os.environ.get("HOME", "/"), _NO_SHELL)
    shell = entry.pw_shell if os.access(entry.pw_shell, os.X_OK) else _NO_SHELL
    return Account(entry.pw_name, entry.pw_dir if Path(entry.pw_dir).is_dir() else "/", shell)


def environment(
    own: Mapping[str, str], account: Account, asked: Mapping[str, str], peer: str, *, term: str | None
) -> dict[str, str]:
    """Made from nothing: the account, words about language that were asked for, who is asking."""
    made = {name: own[name] for name in own if name in KEPT or name.startswith("LC_")}
    made["PATH"] = _with_our_commands(own.get("PATH", os.defpath))
    made |= {name: text for name, text in asked.items() if ASKED.match(name) and is_plain(text)}
    made |= {"HOME": account.home, "USER": account.user, "LOGNAME": account.user, "SHELL": account.shell}
    made["VISCRIPT_PEER"] = peer
    if "VISCRIPT_STATE" in own:  # HOME/state/NAME
        made["VISCRIPT_HOME"] = str(Path(own["VISCRIPT_STATE"]).parent.parent)
    if term is not None:
        made["TERM"] = term if _TERM.match(term) else "dumb"
    return made


def _with_our_commands(path: str) -> str:
    """`viscript` is found, also where the daemon was started by its whole path."""
    ours = str(Path(sys.executable).parent)
    return path if ours in path.split(":") else f"{path}:{ours}"


def is_plain(text: str) -> bool:
    """Whether a text of others can be shown, or handed on: short, and without control characters."""
    return len(text) <= VALUE_MAX and text.isprintable()
