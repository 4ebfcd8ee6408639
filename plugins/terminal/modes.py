"""What an SSH client tells of its terminal, as termios has it. Pure, but for `apply`.

RFC 4254, section 8: an opcode and a u32 each. 1 to 18 are characters, 30 to 41 input flags, 50 to 62 local,
70 to 75 output, 90 to 93 control. Speeds and what this system does not have are passed over.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Mapping
from typing import Any, Final

IFLAG, OFLAG, CFLAG, LFLAG, CHARACTERS = 0, 1, 2, 3, 6  # places in what `tcgetattr` gives
DISABLED: Final = 255  # "no such character"
SIZE_MAX: Final = 0xFFFF

_CHARACTERS: Final = {
    1: "VINTR", 2: "VQUIT", 3: "VERASE", 4: "VKILL", 5: "VEOF", 6: "VEOL", 7: "VEOL2", 8: "VSTART",
    9: "VSTOP", 10: "VSUSP", 11: "VDSUSP", 12: "VREPRINT", 13: "VWERASE", 14: "VLNEXT", 18: "VDISCARD",
}  # fmt: skip
_FLAGS: Final = {
    IFLAG: {
        30: "IGNPAR", 31: "PARMRK", 32: "INPCK", 33: "ISTRIP", 34: "INLCR", 35: "IGNCR", 36: "ICRNL",
        38: "IXON", 39: "IXANY", 40: "IXOFF", 41: "IMAXBEL", 42: "IUTF8",
    },
    LFLAG: {
        50: "ISIG", 51: "ICANON", 53: "ECHO", 54: "ECHOE", 55: "ECHOK", 56: "ECHONL", 57: "NOFLSH",
        58: "TOSTOP", 59: "IEXTEN", 60: "ECHOCTL", 61: "ECHOKE", 62: "PENDIN",
    },
    OFLAG: {70: "OPOST", 72: "ONLCR", 73: "OCRNL", 74: "ONOCR", 75: "ONLRET"},
    CFLAG: {92: "PARENB", 93: "PARODD"},
}  # fmt: skip
_OF_A_PSEUDO_TERMINAL: Final = (IFLAG, LFLAG, OFLAG)  # it has no parity, and to ask for one is refused
_IUTF8: Final = 0x4000  # Linux; the termios module does not name it


def changed(attributes: list[Any], modes: Mapping[int, int]) -> list[Any]:  # Any: as termios has them
    """The attributes with what the client wants; `attributes` stays as it is."""
    made = [*attributes[:CHARACTERS], list(attributes[CHARACTERS])]
    for opcode, value in modes.items():
        place = _constant(_CHARACTERS.get(opcode, ""))
        if place is not None:
            made[CHARACTERS][place] = bytes([0 if value >= DISABLED else value])
    for field in _OF_A_PSEUDO_TERMINAL:
        names = _FLAGS[field]
        for opcode in names.keys() & modes.keys():
            bit = _constant(names[opcode]) or 0
            made[field] = made[field] | bit if modes[opcode] else made[field] & ~bit
    return made


def told(attributes: list[Any]) -> dict[int, int]:  # Any: as above
    """What to tell a server of a terminal with these attributes."""
    modes = {}
    for opcode, name in _CHARACTERS.items():
        place = _constant(name)
        if place is not None:
            character = attributes[CHARACTERS][place]
            code = character[0] if isinstance(character, bytes) else int(character)
            modes[opcode] = code or DISABLED
    for field, names in _FLAGS.items():
        for opcode, name in names.items():
            bit = _constant(name)
            if bit is not None:
                modes[opcode] = int(bool(attributes[field] & bit))
    return modes


def _constant(name: str) -> int | None:
    if name == "IUTF8":
        return int(getattr(termios, name, _IUTF8))
    found = getattr(termios, name, None) if name else None
    return None if found is None else int(found)


def window(columns: int, rows: int, wide: int = 0, high: int = 0) -> bytes:
    """What TIOCSWINSZ takes; what no terminal has is cut to what fits."""
    return struct.pack("HHHH", *(min(max(figure, 0), SIZE_MAX) for figure in (rows, columns, wide, high)))


def apply(terminal: int, modes: Mapping[int, int], size: tuple[int, int, int, int]) -> None:
    """Set up a terminal as the client has it. Raises `OSError` or `termios.error`."""
    termios.tcsetattr(terminal, termios.TCSANOW, changed(termios.tcgetattr(terminal), modes))
    resize(terminal, size)


def resize(terminal: int, size: tuple[int, int, int, int]) -> None:
    """The window has this size now. Raises `OSError`."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, window(*size))
