"""Times such as `1h30m` and sizes such as `64MiB`, both ways. Pure; wrong text raises ValueError."""

import re
from typing import Final

MAX_SECONDS: Final = 10 * 365 * 86400.0
MAX_BYTES: Final = 2**63 - 1

_SECONDS: Final = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_BYTES: Final = {
    "B": 1,
    "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4,
    "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4,
}  # fmt: skip
_NUMBER: Final = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
DURATION_PATTERN: Final = "^" + "".join(f"(?:{_NUMBER}{unit})?" for unit in _SECONDS) + "$"
SIZE_PATTERN: Final = rf"^{_NUMBER} ?(?:{'|'.join(_BYTES)})$"
PERCENT_PATTERN: Final = rf"^{_NUMBER} ?%$"
_DURATION: Final = re.compile(DURATION_PATTERN, re.ASCII)
_DURATION_PART: Final = re.compile(rf"({_NUMBER})(ms|us|[wdhms])", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER}) ?({'|'.join(_BYTES)})", re.ASCII)
_BARE: Final = re.compile(_NUMBER, re.ASCII)


def seconds(text: str) -> float:
    """The seconds of `500ms`, `1.5s`, `2m`, `1h30m`, or of a bare number."""
    if _BARE.fullmatch(text):
        return bounded_seconds(float(text))
    if not text or not _DURATION.match(text):
        raise ValueError("not a time")
    parts = _DURATION_PART.findall(text)
    return bounded_seconds(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def bounded_seconds(value: float) -> float:
    """The value itself. Raises ValueError when it is longer than ten years or not a number."""
    if not value <= MAX_SECONDS:
        raise ValueError("longer than ten years")
    return value


def size(text: str) -> int:
    """The bytes of `512B`, `10MB`, `64MiB`, or of a bare whole number."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return bounded_size(int(text))
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size")
    number, unit = match.groups()
    return bounded_size(round(float(number) * _BYTES[unit]))


def bounded_size(value: int) -> int:
    """The value itself. Raises ValueError when it is beyond 8 EiB."""
    if value > MAX_BYTES:
        raise ValueError("beyond 8 EiB")
    return value


def percent(text: str) -> float:
    """The number of `80%` or of a bare `80`."""
    if not _BARE.fullmatch(text.removesuffix("%").rstrip()):
        raise ValueError("not a share")
    return float(text.removesuffix("%"))


def duration_text(value: float) -> str:
    """The shortest exact spelling: 90.0 gives `1m30s`."""
    micros = round(value * 1_000_000)
    if micros == 0:
        return "0s"
    parts = []
    for unit, scale in _SECONDS.items():
        count, micros = divmod(micros, round(scale * 1_000_000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def size_text(value: int) -> str:
    """The shortest exact spelling in powers of 1024: 10485760 gives `10MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]}{unit}"
    return f"{value}B"
