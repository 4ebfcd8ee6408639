"""The small formats inside values: addresses, signal names, file modes. Pure; bad text raises ValueError."""

import ipaddress
import os
import re
import signal
from pathlib import Path
from typing import Final

UNIX: Final = "unix:"
LONGEST_PATH: Final = 107  # bytes that the system takes for a unix socket
LOCAL_HOST: Final = "127.0.0.1"

_HOST: Final = r"[^\s:\[\]/]+|\[[0-9A-Fa-f:.%]+\]"
_ADDRESS: Final = re.compile(rf"(?:(?P<host>{_HOST})?:)?(?P<port>[0-9]{{1,5}})", re.ASCII)
_MODE: Final = re.compile(r"0?o?[0-7]{1,3}", re.ASCII)
_HTTP: Final = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.ASCII)

_LINK: Final = re.compile(r"tcp://([A-Za-z0-9_.\-%]{1,200}|\[[0-9a-fA-F:.%]{2,100}\]|\*):([0-9]{1,5}|\*)")
_LABEL: Final = re.compile(r"[A-Za-z0-9_.\-]{1,63}")


def address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPV6]:PORT`, `:PORT` or `PORT`; without a host, this one."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ValueError("not an address")
    return (match["host"] or LOCAL_HOST).strip("[]"), int(match["port"])


def listening(text: str, folder: str = "/") -> str:
    """An address to listen on: `unix:PATH`, relative to `folder`, or an IP address and a port."""
    if text.startswith(UNIX):
        path = os.path.normpath(Path(folder, text.removeprefix(UNIX)))
        if text == UNIX or len(os.fsencode(path)) > LONGEST_PATH:
            raise ValueError("not a path of a socket")
        return UNIX + path
    match = _ADDRESS.fullmatch(text)
    if match is None or not match["host"] or not 0 < int(match["port"]) < 65536:
        raise ValueError("not an address")
    host = ipaddress.ip_address(match["host"].strip("[]"))
    return f"[{host}]:{int(match['port'])}" if host.version == 6 else f"{host}:{int(match['port'])}"


def link_address(text: str) -> str:
    """Where another host is reached: `tcp://HOST:PORT`; `*` may stand for the host or the port."""
    if not _LINK.fullmatch(text):
        raise ValueError("not an address of a host")
    return text


def label_word(text: str) -> str:
    """A word that hosts are selected by."""
    if not _LABEL.fullmatch(text):
        raise ValueError("not a label")
    return text


def signal_number(text: str) -> int:
    """The number of `TERM`, `SIGTERM`, `term` or `15`."""
    if text.isascii() and text.isdigit() and len(text) < 4:
        return int(signal.Signals(int(text)))
    name = text.upper().removeprefix("SIG")
    found = signal.Signals.__members__.get(f"SIG{name}")
    if found is None:
        raise ValueError("not a signal")
    return int(found)


def signal_names() -> tuple[str, ...]:
    """Every signal of this system, without SIG."""
    return tuple(name.removeprefix("SIG") for name in signal.Signals.__members__)


def file_mode(text: str) -> int:
    """The bits of an octal mode: `022`, `0o022` or `22`."""
    if not _MODE.fullmatch(text):
        raise ValueError("not an octal mode")
    return int(text.replace("o", ""), 8)


def is_http_url(text: str) -> bool:
    """Whether it is an http or https URL with a host."""
    return _HTTP.fullmatch(text) is not None
