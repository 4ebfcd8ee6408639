"""Hides secrets before anything is shown, logged or remembered. Pure.

A name that holds TOKEN, SECRET, PASSWORD, PASSWD, PASSPHRASE, CREDENTIAL or KEY, in any case, names a
secret; so does the user part of a URL. What stands behind such a name is replaced by `(hidden)`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

HIDDEN: Final = "(hidden)"
MIN_SECRET_CHARS: Final = 4

_SECRET_NAME: Final = re.compile("token|secret|password|passwd|passphrase|credential|key", re.IGNORECASE)
_URL_USER: Final = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@'\"]{1,512}@")
_NAME: Final = r"[A-Za-z0-9_.-]{0,80}"
_SECRET_PART: Final = rf"{_NAME}(?:token|secret|password|passwd|passphrase|credential|key){_NAME}"
_VALUE: Final = r"(?:\"[^\"]*\"?|'[^']*'?|[^\s&;|]+)"
_ASSIGNED: Final = re.compile(
    rf"(?<![A-Za-z0-9_.-])({_SECRET_PART}[\"']?\s?[=:]\s?)({_VALUE})", re.IGNORECASE
)
_CODE: Final = re.compile(r"(\bhost\s+join\s+)\S.*")  # whoever has the code of an invitation may use it
_OPTION: Final = re.compile(rf"((?:^|\s)--?{_SECRET_PART}\s+)(?!-)({_VALUE})", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether what that name stands for must not be shown."""
    return name == "VISCRIPT_SETTINGS" or _SECRET_NAME.search(name) is not None


def redact_env(environ: Mapping[str, str | None]) -> dict[str, str | None]:
    """An environment with the values of secret names hidden."""
    return {
        name: HIDDEN if is_secret_name(name) and value else redact_url(value) if value else value
        for name, value in environ.items()
    }


def redact_args(args: Sequence[str]) -> tuple[str, ...]:
    """A command line with `--password X`, `--token=X`, `KEY=X` and passwords in URLs hidden."""
    shown: list[str] = []
    hide_next = False
    for word in args:
        name, equals, value = word.partition("=")
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
        elif equals and value and is_secret_name(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(redact_url(word))
        hide_next = word.startswith("-") and not equals and is_secret_name(word)
    return tuple(shown)


def redact_command(argv: Sequence[str], args: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same for a command and its arguments: `--token` may end the one and its value begin the other."""
    words = redact_args((*argv, *args))
    return words[: len(argv)], words[len(argv) :]


def secret_args(args: Sequence[str]) -> list[str]:
    """The values that `redact_args` hides whole."""
    found = []
    for word, shown in zip(args, redact_args(args), strict=True):
        if shown == HIDDEN:
            found.append(word)
        elif shown.endswith(f"={HIDDEN}"):
            found.append(word.partition("=")[2])
    return found


def redact_url(text: str) -> str:
    """The text with the user part of every URL in it hidden."""
    return _URL_USER.sub(rf"\1{HIDDEN}@", text) if "://" in text else text


def redact_text(line: str) -> str:
    """A line of free text, such as a typed command, with what looks like a secret hidden."""
    line = _ASSIGNED.sub(rf"\1{HIDDEN}", line)
    line = _OPTION.sub(rf"\1{HIDDEN}", line)
    line = _CODE.sub(rf"\1{HIDDEN}", line)
    return redact_url(line)


def holds_secret(line: str) -> bool:
    """Whether `redact_text` would hide something of the line."""
    return redact_text(line) != line


def hide_values(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets themselves, longest first; shorter than four characters are left."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET_CHARS:
            text = text.replace(secret, HIDDEN)
    return text


def redact_data(data: Any) -> Any:  # Any: JSON-like data in, the same shape out
    """JSON-like data in which every value behind a secret name is hidden, at any depth."""
    if isinstance(data, Mapping):
        return {
            name: HIDDEN if is_secret_name(str(name)) and _is_value(value) else redact_data(value)
            for name, value in data.items()
        }
    if isinstance(data, list | tuple):
        if all(isinstance(item, str) for item in data):
            return list(redact_args(data))
        return [redact_data(item) for item in data]
    return redact_args((data,))[0] if isinstance(data, str) else data


def _is_value(value: object) -> bool:
    return value not in (None, "", ()) and not isinstance(value, bool | Mapping)


def redacted(config: Any) -> dict[str, Any]:  # Any: a Config; its type is not imported here to stay light
    """A configuration as plain data that may be shown."""
    import msgspec  # not needed by those who redact text only

    data: dict[str, Any] = msgspec.to_builtins(config)  # Any: the plain data of the sections
    for app in data.get("apps", {}).values():
        app["env"] = {name: _shown_env(name, value) for name, value in app["env"].items()}
        for key in ("default_args", "command"):
            if app[key] is not None:
                app[key] = list(redact_args(app[key]))
    plugins = data.get("plugins", {})
    plugins["settings"] = redact_data(plugins.get("settings", {}))
    if "store" in data:
        data["store"] = {**redact_data(data["store"]), "url": redact_url(data["store"]["url"])}
    return data


def _shown_env(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return HIDDEN
    return redact_env({name: value if value is None else str(value)})[name]
