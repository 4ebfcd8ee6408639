"""`alias`: short names for commands, kept for later prompts."""

from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.local.client import Client
from viscript.redact import holds_secret
from viscript.repl.session import load_aliases, save_aliases
from viscript.verbs.core import builtin
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Without words all aliases; `NAME` shows, `NAME=` removes, `NAME=WORDS` or `NAME WORDS` sets one."""
    path = Path(client.home.root, "aliases.json")
    aliases = client.session.aliases if client.session is not None else load_aliases(path)
    words: tuple[str, ...] = call.args["words"] or ()
    if not words:
        return Outcome(text="\n".join(f"{name}={text}" for name, text in sorted(aliases.items())) or None)
    name, equals, first = words[0].partition("=")
    text = " ".join(filter(None, (first, *words[1:])))
    if not equals and not text:
        return Outcome(text=f"{name}={_known(aliases, name)}")
    if not text:
        del aliases[_known(aliases, name) and name]
    else:
        aliases[_checked(name)] = _harmless(text)
    _save(path, aliases)
    return Outcome()


def _known(aliases: dict[str, str], name: str) -> str:
    if name not in aliases:
        raise VerbError(ExitCode.NOT_FOUND, f'no alias "{name}"')
    return aliases[name]


def _checked(name: str) -> str:
    if builtin().get(name) is not None:
        raise VerbError(ExitCode.USAGE, f'"{name}" is a verb; an alias needs a name of its own')
    if not name or not name.replace("_", "").replace("-", "").isalnum():
        raise VerbError(ExitCode.USAGE, "the name of an alias consists of letters, digits, - and _")
    return name


def _harmless(text: str) -> str:
    if holds_secret(text):
        raise VerbError(ExitCode.USAGE, "an alias is stored as it is; it must not hold a secret")
    return text


def _save(path: Path, aliases: dict[str, str]) -> None:
    try:
        save_aliases(path, aliases)
    except OSError as exc:
        raise VerbError(ExitCode.FAILED, f"{path} cannot be written: {exc.strerror}") from exc
