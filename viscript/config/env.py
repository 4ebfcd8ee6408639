"""The environment of an app: what it inherits, its files, its own values, its secrets.

Later ones win: inherited, each file of `env_file` in order, `env`, values given at start. A null in
`env` removes. `environment` and `delta` are pure; `gather` reads the files and secrets they need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from viscript.config.dotenv import parse_dotenv
from viscript.config.fault import BadConfig, Fault, Place, fault_at
from viscript.config.loader import read_text
from viscript.config.model import App, SecretValue

MAX_SECRET_CHARS: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True, repr=False)
class Gathered:
    """What was read for an app at its start; never shown, hence without a repr."""

    files: tuple[Mapping[str, str], ...] = ()
    secrets: Mapping[str, str]


def delta(
    app: App,
    *,
    files: Sequence[Mapping[str, str]] = (),
    secrets: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str | None]:
    """What changes over the inherited environment; None removes. `secrets` holds the values by variable."""
    changes: dict[str, str | None] = {}
    for variables in files:
        changes.update(variables)
    for name, value in app.env.items():
        changes[name] = (secrets or {})[name] if isinstance(value, SecretValue) else value
    changes.update(extra or {})
    return changes


def environment(
    app: App,
    inherited: Mapping[str, str],
    *,
    files: Sequence[Mapping[str, str]] = (),
    secrets: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment the app is started with."""
    whole: dict[str, str | None] = {**inherited} if app.inherit_env else {}
    whole.update(delta(app, files=files, secrets=secrets, extra=extra))
    return {name: value for name, value in whole.items() if value is not None}


def gather(name: str, app: App, folder: str, environ: Mapping[str, str]) -> Gathered:
    """Read the env files and secrets of an app. Raises `BadConfig` with all that is missing or malformed."""
    faults: list[Fault] = []
    files = tuple(_file(str(Path(folder, path)), faults) for path in app.env_file)
    secrets = {}
    for variable, value in app.env.items():
        if isinstance(value, SecretValue):
            secrets[variable] = read_secret(f"apps.{name}.env.{variable}", value, folder, environ, faults)
    if faults:
        raise BadConfig(faults)
    return Gathered(files=files, secrets=secrets)


def _file(path: str, faults: list[Fault]) -> dict[str, str]:
    try:
        variables, wrong = parse_dotenv(read_text(path, patience_s=0), path)  # the daemon waits for no pipe
    except BadConfig as bad:
        faults += bad.faults
        return {}
    faults += wrong
    return variables


def read_secret(
    path: str, value: SecretValue, folder: str, environ: Mapping[str, str], faults: list[Fault]
) -> str:
    """A secret's text; what is wrong with it is added to the faults."""
    source = value.secret
    text, place, problem = "", Place(""), ""
    if source.file is not None:
        place = Place(str(Path(folder, source.file)))
        try:
            text = read_text(place.file, patience_s=0).removesuffix("\n").removesuffix("\r")
        except BadConfig as bad:
            problem = f"the secret {bad.faults[0].message}"
    elif source.env is not None:
        place = Place("environment")
        text = environ.get(source.env, "")
        problem = "" if source.env in environ else f"the variable {source.env} is not set"
    if "\0" in text or len(text) > MAX_SECRET_CHARS:
        problem = "the secret is longer than 64 KiB or holds a NUL character"
    if problem:
        faults.append(fault_at(place, path, problem))
    return text
