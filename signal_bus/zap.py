"""Who may open a connection: our own ZAP (RFC 27). Pure: a request's frames in, the reply's frames out.

    request   address | empty | version "1.0" | request id | domain | peer address | identity | mechanism
              | credentials...
    reply     address | empty | "1.0" | request id | status | text | user id | metadata

Four doors, four domains:

    operators   NULL on ipc: our own user and root
    apps        NULL on ipc: whoever the delegate lets in; other users' connections are rationed, because a
                ROUTER dies of a peer that guessed a routing id it is about to make (see doors.py)
    tcp         CURVE: the keys of the live allow list; the key becomes the connection's user id
    peers       the same for the daemons of other hosts, on tcp and ipc, in a context with a gate of its own

It answers every request and never raises: a dead ZAP handler would lock every door for good.
"""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from signal_bus.budget import Budget
from signal_bus.delegate import Peer
from signal_bus.ids import CurveKey
from signal_bus.limits import CONNECT_USERS, CONNECTS_BURST, CONNECTS_PER_S

log = logging.getLogger(__name__)

ENDPOINT: Final = "inproc://zeromq.zap.01"
OPERATORS: Final = "operators"
APPS: Final = "apps"
TCP: Final = "tcp"
PEERS: Final = "peers"

_FIXED_FRAMES: Final = 8  # all but the credentials
_DIGITS: Final = 20  # of a 64-bit number


class Allowed:
    """The live allow list: CURVE public key to name. A connection's user is its key in hexadecimal."""

    def __init__(self, keys: dict[CurveKey, str]) -> None:
        self._names = {key.hex(): name for key, name in keys.items()}

    def add(self, key: CurveKey, name: str) -> None:
        """Let this key in from now on."""
        self._names[key.hex()] = name

    def remove(self, key: CurveKey) -> bool:
        """Shut this key out; true if it was let in before."""
        return self._names.pop(key.hex(), None) is not None

    def name_of(self, user: str) -> str | None:
        """The name of a connection's user, or None when it is not, or no longer, allowed."""
        return self._names.get(user)


class Gate:
    """Decides on connections by domain."""

    def __init__(
        self, allowed: Allowed, may_connect: Callable[[int], bool], own_uid: int, *, domain: str = TCP
    ) -> None:
        self._allowed = allowed
        self._curve_domain = domain.encode()  # where the allow list holds
        self._may_connect = may_connect
        self._own = (own_uid, 0)
        self._budgets: OrderedDict[int, Budget] = OrderedDict()
        self.denied = 0
        self.proved: Callable[[str], None] = lambda address: None  # a key that is let in, from there

    def reply(self, frames: Sequence[bytes], now: float) -> list[bytes] | None:
        """The reply to one request; None when it is too short to be answered."""
        if len(frames) < _FIXED_FRAMES:
            return None
        address, empty, version, request, domain, peer, _identity, mechanism, *credentials = frames
        try:
            user = self._user(domain, peer, mechanism, credentials, now)
        except Exception:  # a bug here, or in the delegate, must not close every door
            log.exception("door=%r: the decision on a connection failed", domain)
            user = ""
        if not user:
            self.denied += 1
            log.debug("door=%r: refused a connection from %r", domain, peer)
        status, text = (b"200", b"OK") if user else (b"400", b"not allowed")
        return [address, empty, version, request, status, text, user.encode(), b""]

    def _user(self, domain: bytes, peer: bytes, mechanism: bytes, keys: list[bytes], now: float) -> str:
        """The user id of a connection that is let in; empty for one that is not."""
        if domain == self._curve_domain:
            known = (
                mechanism == b"CURVE" and len(keys) == 1 and self._allowed.name_of(keys[0].hex()) is not None
            )
            if known:
                self.proved(peer.decode("ascii", "replace"))
            return keys[0].hex() if known else ""
        uid = parse_address(peer.decode("ascii", "replace"), APPS).uid
        if mechanism != b"NULL" or uid is None:
            return ""
        if domain == OPERATORS.encode():
            return f"uid:{uid}" if uid in self._own else ""
        if domain != APPS.encode() or not self._may_connect(uid):
            return ""
        return f"uid:{uid}" if uid in self._own or self._ration(uid, now) else ""

    def _ration(self, uid: int, now: float) -> bool:
        budget = self._budgets.pop(uid, None) or Budget(CONNECTS_PER_S, CONNECTS_BURST, now)
        self._budgets[uid] = budget
        if len(self._budgets) > CONNECT_USERS:
            self._budgets.popitem(last=False)
        return budget.take(now)


def parse_address(text: str, door: str, user: str = "") -> Peer:
    """The peer of a libzmq `Peer-Address`: `localhost:uid:gid:pid` on ipc; anything else proves nothing.

    On BSD and macOS the kernel does not tell the pid, and the last number is missing.
    """
    host, *numbers = text.split(":")
    if host != "localhost" or len(numbers) != 3 or not numbers[0] or not all(map(_is_number, numbers)):
        return Peer(door=door, user=user)
    uid, gid, pid = (int(number) if number else None for number in numbers)
    return Peer(door=door, uid=uid, gid=gid, pid=pid or None, user=user)


def _is_number(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) <= _DIGITS)


def own_uid() -> int:
    """The user the doors belong to."""
    return os.getuid()
