"""`service print` shows the systemd units; `service install --apply` puts them in place."""

import os
import sys
from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.home import HomeError, make_home
from viscript.local.client import Client
from viscript.local.units import DAEMON, KEEPER, Site, units
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Print, or install when that is asked twice: by the verb and by `--apply`."""
    site = _site(client)
    if call.verb.name == "service print":
        return Outcome(text="\n".join(f"# {name}\n{text}" for name, text in units(site).items()).rstrip())
    folder = _folder(client, system=site.system)
    if not call.args["apply"]:
        names = " and ".join(units(site))
        return Outcome(text=f"would write {names} to {folder}; nothing was written (--apply does it)")
    _write(folder, units(site))
    _make_home(client)  # a unit that may write there needs it to exist
    manager = "systemctl" if site.system else "systemctl --user"
    return Outcome(
        text=f"wrote {KEEPER} and {DAEMON} to {folder}\n"
        f"next: {manager} daemon-reload && {manager} enable --now {KEEPER} {DAEMON}"
    )


def _make_home(client: Client) -> None:
    try:
        make_home(client.home)
    except HomeError as exc:
        raise VerbError(ExitCode.NOT_PERMITTED, str(exc)) from exc


def _site(client: Client) -> Site:
    chosen = client.environ.get("VISCRIPT_HOME")
    config = client.environ.get("VISCRIPT_CONFIG")
    return Site(
        python=sys.executable,
        home=client.home.root,
        environment=(("VISCRIPT_HOME", client.home.root),) if chosen else (),
        config=str(Path(config).absolute()) if config else None,
        system=_is_system(),
    )


def _is_system() -> bool:
    """Whether the units are for the whole machine: root has no session of its own to run them in."""
    return os.geteuid() == 0


def _folder(client: Client, *, system: bool) -> Path:
    if system:
        return Path("/etc/systemd/system")
    given = client.environ.get("XDG_CONFIG_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".config") / "systemd" / "user"  # noqa: PTH117 (text)


def _write(folder: Path, files: dict[str, str]) -> None:
    """All of them or none."""
    drafts: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            draft = folder / f".{name}.{os.getpid()}"
            drafts.append((draft, folder / name))
            draft.write_text(text, encoding="utf-8")
        for draft, final in drafts:
            draft.replace(final)
    except OSError as exc:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)
        code = ExitCode.NOT_PERMITTED if isinstance(exc, PermissionError) else ExitCode.FAILED
        raise VerbError(code, f"{folder} cannot be written: {exc.strerror}") from exc
