"""Rules as people write them: `fwd 8080 mike:80`, in verbs and in the settings. Pure.

fwd LISTEN PEER:TARGET      rev PEER:LISTEN TARGET      offer TARGET --to PEER      lend LISTEN --to PEER

LISTEN and TARGET are a port, HOST:PORT or [HOST]:PORT; a port alone is of 127.0.0.1. `--udp`: datagrams.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from plugins.forward.rules import LONGEST, Rule, RuleError

LOOPBACK: Final = "127.0.0.1"
PORT_MAX: Final = 65_535
_USES: Final = {
    "fwd": "fwd LISTEN PEER:TARGET",
    "rev": "rev PEER:LISTEN TARGET",
    "offer": "offer TARGET --to PEER",
    "lend": "lend LISTEN --to PEER",
}


def parse(text: str) -> Rule:
    """The rule in a line; its peers are as they were written. Raises `RuleError`."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise _wrong(text, f"{exc}") from exc
    if not words or words[0] not in _USES:
        raise _wrong(text, f"a rule is one of: {'; '.join(_USES.values())}")
    udp = "--udp" in words
    words = [word for word in words if word != "--udp"]
    if words[0] in ("fwd", "rev"):
        return _leading(text, words, udp)
    return _letting(text, words, udp)


def _leading(text: str, words: Sequence[str], udp: bool) -> Rule:
    if len(words) != 3:
        raise _wrong(text, _USES[words[0]])
    if words[0] == "fwd":
        peer, target = of_peer(words[2])
        return Rule(kind="fwd", listen=place(words[1], least=0), target=target, peers=(peer,), udp=udp)
    peer, listen = of_peer(words[1])
    return Rule(kind="rev", listen=listen, target=place(words[2]), peers=(peer,), udp=udp)


def _letting(text: str, words: Sequence[str], udp: bool) -> Rule:
    if len(words) < 4 or words[2] != "--to":
        raise _wrong(text, _USES[words[0]])
    peers = tuple(peer for word in words[3:] for peer in word.split(",") if peer and peer != "--to")
    if not peers:
        raise _wrong(text, _USES[words[0]])
    if words[0] == "offer":
        return Rule(kind="offer", target=place(words[1]), peers=peers, udp=udp)
    return Rule(kind="lend", listen=place(words[1]), peers=peers, udp=udp)


def of_peer(text: str) -> tuple[str, str]:
    """`PEER:PLACE` in two. Raises `RuleError`."""
    peer, colon, rest = text.partition(":")
    if not colon or not peer:
        raise _wrong(text, "PEER:PORT or PEER:HOST:PORT is expected")
    return peer, place(rest)


def place(text: str, *, least: int = 1) -> str:
    """`HOST:PORT` in its one form; a host of IPv6 has brackets. Raises `RuleError`."""
    host, colon, port = text.rpartition(":")
    is_short = port.isascii() and port.isdecimal() and len(port) <= len(str(PORT_MAX))
    if not is_short or not least <= int(port) <= PORT_MAX:
        raise _wrong(text, f"a port, or HOST:PORT, is expected; ports are {least} to {PORT_MAX}")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (colon and not bare) or not _is_host(bare) or (":" in bare and bare == host):
        raise _wrong(text, "HOST:PORT is expected, with brackets around a host of IPv6")
    bare = LOOPBACK if bare.lower() in ("", "localhost") else bare.lower()
    return f"[{bare}]:{int(port)}" if ":" in bare else f"{bare}:{int(port)}"


def split(place: str) -> tuple[str, int]:
    """Host and port of a place in its one form."""
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)


def _is_host(text: str) -> bool:
    return len(text) < LONGEST and all(char.isalnum() or char in "-._:%" for char in text)


def _wrong(text: str, why: str) -> RuleError:
    return RuleError("bad-rule", f"{text[:LONGEST]!r}: {why}")
