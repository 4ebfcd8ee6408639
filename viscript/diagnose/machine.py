"""Is this machine fit: Python, kernel, limits, clock. Each check takes what it judges as arguments."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Final

from viscript.diagnose.finding import Finding, bad, doubtful, good

OLDEST_PYTHON: Final = (3, 11)
_EXIT_CODES_SINCE: Final = (6, 15)  # PIDFD_GET_INFO tells the exit code of a process that is not our child
_DESCRIPTORS_WANTED: Final = 4096
_DESCRIPTORS_AN_APP: Final = 4
_YEAR_2024: Final = 1_704_067_200.0
_DRIFT_S: Final = 60.0


def python(version: Sequence[int]) -> Finding:
    """Whether this Python is new enough."""
    text = ".".join(str(part) for part in version[:3])
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return good("python", text)
    wanted = ".".join(str(part) for part in OLDEST_PYTHON)
    return bad("python", f"{text} is too old", f"install Python {wanted} or newer")


def kernel(platform: str, release: str, features: dict[str, bool]) -> Finding:
    """What the kernel offers; without it slower ways are taken."""
    if platform != "linux":
        return doubtful("kernel", f"{platform}: apps that leave their session are not found after a restart")
    missing = sorted(name for name, there in features.items() if not there)
    if missing:
        return doubtful("kernel", f"{release} lacks {', '.join(missing)}; slower ways are taken")
    if _version(release) < _EXIT_CODES_SINCE:
        wanted = ".".join(str(part) for part in _EXIT_CODES_SINCE)
        text = f"{release}: the exit code of an app that ends while no keeper runs is unknown before {wanted}"
        return doubtful("kernel", text)
    return good("kernel", f"{release} has all that is used")


def kernel_features() -> dict[str, bool]:
    """Which of the calls that are used can be made here."""
    return {"pidfd": _has_pidfd(), "splice": hasattr(os, "splice"), "prlimit": sys.platform == "linux"}


def descriptors(soft: int, hard: int) -> Finding:
    """Whether enough files can be open at once; the soft limit is raised to the hard one by itself."""
    apps = hard // _DESCRIPTORS_AN_APP
    if hard < 0 or hard >= _DESCRIPTORS_WANTED:
        return good("descriptors", f"{soft}, can be raised to {'any number' if hard < 0 else hard}")
    return doubtful(
        "descriptors",
        f"at most {hard}: enough for about {apps} apps",
        f"raise the hard limit: ulimit -Hn {_DESCRIPTORS_WANTED}, or LimitNOFILE= in the unit",
    )


def clock(now: float, newest_write: float | None) -> Finding:
    """Whether the clock can be right: it is later than our own last write."""
    if now < _YEAR_2024:
        return bad("clock", "it shows a time before 2024", "set the clock: certificates and logs need it")
    if newest_write is not None and newest_write > now + _DRIFT_S:
        behind = newest_write - now
        return doubtful(
            "clock", f"it is {behind:.0f} s behind our own last write", "was it set back? check its source"
        )
    return good("clock", "plausible")


def _version(release: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
