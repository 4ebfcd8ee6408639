"""What the last run of an app wrote last: harmless to a terminal, without secrets, bounded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from viscript.config.model import App, SecretValue
from viscript.config.textfile import read_bytes
from viscript.logs.form import plain
from viscript.logs.reader import LogReader
from viscript.redact import hide_values, is_secret_name, redact_text, secret_args
from viscript.supervisor.api import Instance

LINES: Final = 20
LINE_MAX: Final = 500
_CLOCK_SLACK_S: Final = 0.05  # between the keeper's note of a spawn and its note of the first output
_SECRET_MAX: Final = 64 * 1024


def last_lines(instance: Instance, run_started: float | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The last lines of the run that began then; of any run when that is not known."""
    if not instance.log_dir:
        return ()
    lines = LogReader(instance.log_dir).last(LINES)
    if run_started is not None:
        since = int((run_started - _CLOCK_SLACK_S) * 1_000_000_000)
        lines = [line for line in lines if line.time_ns >= since]
    secrets = [*_secrets(instance.spec, instance.entry.folder, environ), *secret_args(instance.argv)]
    secrets += [part for secret in secrets for part in secret.splitlines()]  # it is printed line by line
    texts = (plain(line.text[: 2 * LINE_MAX]) for line in lines)
    return tuple(redact_text(hide_values(text, secrets))[:LINE_MAX] for text in texts)


def _secrets(spec: App, folder: str, environ: Mapping[str, str]) -> list[str]:
    """The values that must not be shown, as the app was given them."""
    found: list[str] = []
    for name, value in spec.env.items():
        if isinstance(value, SecretValue):
            found.append(_secret(value, folder, environ))
        elif value is not None and is_secret_name(name):
            found.append(value)
    return [value for value in found if value]


def _secret(value: SecretValue, folder: str, environ: Mapping[str, str]) -> str:
    if value.secret.env is not None:
        return environ.get(value.secret.env, "")
    try:
        data = read_bytes(str(Path(folder, value.secret.file or "")), _SECRET_MAX, patience_s=0)
        return data.decode(errors="replace").strip()
    except (OSError, ValueError):
        return ""
