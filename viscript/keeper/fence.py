"""The fence of an app that may run on one host only, and until when this host may run it.

Who keeps the lease in the cluster's store writes, after each keepalive that succeeded, when it was *sent*, by
the clock that goes on while the host sleeps. The file is all that keeper and warden need: no message is lost,
and whoever is dead or frozen, the others read on. One file a lease, however many apps run under it.

    offset  0  kept   double, big endian: seconds of that clock; 0 before the first
    offset  8  kept   the same again: what was torn in the middle is passed over
    offset 16  asked  the `kept` upon which the keeper has asked the lease's apps to end; 0 for none
    offset 24  boot   16 bytes: of which start of the host the clock is; nothing begins by another's

The lease lives 10 s from `kept` at the earliest. The app is asked to end at 6 s and killed at 8 s.
"""

import os
import struct
import time
from typing import Final, NamedTuple

LEASE_S: Final = 10.0
ASK_S: Final = 6.0
KILL_S: Final = 8.0

ASK: Final = "ask"
KILL: Final = "kill"
HOLDS: Final = ""

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LAYOUT: Final = struct.Struct(">ddd")
_KEPT: Final = struct.Struct(">dd")
_ASKED: Final = struct.Struct(">d")
_ASKED_AT: Final = 16
_BOOT_BYTES: Final = 16
_BOOT_FILE: Final = "/proc/sys/kernel/random/boot_id"


class Fence(NamedTuple):
    """Under which lease an app runs, and which number newer runs of it exceed."""

    lease: str
    key: str  # of the store, made once for this run
    revision: int  # at which that key was made: the fence that the app itself is told
    file: str


def boottime() -> float:
    """Seconds of the clock that counts while the host sleeps."""
    return time.clock_gettime(_CLOCK)


def rung(kept: float, now: float) -> str:
    """What is to be done with an app whose lease was kept then: nothing, `ask` or `kill`."""
    age = now - kept
    if age >= KILL_S or age < 0:  # nobody keeps a lease in times to come: the clock is another
        return KILL
    return ASK if age >= ASK_S else HOLDS


def boot() -> bytes:
    """Which start of the host this is; zeros where the system does not say."""
    try:
        with open(_BOOT_FILE, encoding="ascii") as file:
            return bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(_BOOT_BYTES)


def is_of_now(path: str) -> bool:
    """Whether the file's times are those of this start of the host."""
    try:
        with open(path, "rb") as file:
            return file.read()[_LAYOUT.size :] == boot()
    except OSError:
        return False


def create(path: str) -> None:
    """The file of a new lease, not kept yet. Raises OSError."""
    draft = f"{path}.new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, bytes(_LAYOUT.size) + boot())
    finally:
        os.close(fd)
    os.rename(draft, path)


def keep(path: str, sent: float) -> None:
    """The keepalive that was sent then has succeeded. Raises OSError."""
    _put(path, _KEPT.pack(sent, sent), 0)


def mark_asked(path: str, kept: float) -> None:
    """The apps of the lease were asked to end, since it was kept at `kept` and not since. Raises OSError."""
    _put(path, _ASKED.pack(kept), _ASKED_AT)


def _put(path: str, data: bytes, offset: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(fd, data, offset)
    finally:
        os.close(fd)


def kept_at(path: str, before: float = 0.0) -> float:
    """When the lease was kept last; `before`, the newest known, when the file does not say or is gone."""
    try:
        with open(path, "rb") as file:
            first, second, _ = _LAYOUT.unpack(file.read(_LAYOUT.size))
    except (OSError, struct.error):
        return before
    return first if first == second else before
