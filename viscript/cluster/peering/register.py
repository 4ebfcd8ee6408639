"""The other clusters that this one knows, kept over restarts.

    record "peering"         slot: the cluster's key
    value "peering.version"  the last version that was given to terms of ours

Who only asks is not kept: he asks again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.peering.standing import Peering, Standing
from viscript.errors import ExitCode, VerbError, ViscriptError
from viscript.store.memory import Memory

log = logging.getLogger(__name__)

KIND: Final = "peering"
VERSION: Final = "peering.version"
KEPT_MAX: Final = 128  # clusters that this one said something to
ASKING_MAX: Final = 32  # that only ask; more are turned away
ASKING_S: Final = 3600.0  # an asker not heard of for so long is forgotten
KEY_LETTERS: Final = 8  # of a key in hexadecimal, to name a cluster by it

Changed = Callable[[Peering, Peering], None]  # before, after

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Peering).decode
_TOLD: Final = frozenset({Standing.STRANGERS, Standing.ASKED})


class Full(ViscriptError):
    """There is no room for another."""


class Register:
    """`await register.open()` once; `put` changes it."""

    def __init__(self, memory: Memory, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.version = 0
        self._memory = memory
        self._clock = clock
        self._known: dict[PublicKey, Peering] = {}
        self._heard_at: dict[PublicKey, float] = {}  # those that only ask
        self._listeners: list[Changed] = []

    async def open(self) -> None:
        """Read what is kept. Raises `StoreError`."""
        self.version = await self._memory.number(VERSION) or 0
        for record in (await self._memory.records(KIND)).values():
            try:
                one = _unpack(record)
            except msgspec.MsgspecError as exc:
                log.error("the record of a peering is damaged, and passed over: %s", exc)
            else:
                self._known[one.key] = one

    def all(self) -> list[Peering]:
        """Each, in the order of their names and keys."""
        self._expire()
        return sorted(self._known.values(), key=lambda one: (one.called, one.key))

    def get(self, key: PublicKey) -> Peering:
        """How it stands with a cluster."""
        self._expire()
        return self._known.get(key) or Peering(key=key)

    def find(self, text: str) -> Peering:
        """The one of that name, or whose key begins so. Raises `VerbError`."""
        wanted = text.lower()
        known = self.all()
        found = [one for one in known if one.name == text]
        if not found and len(text) >= KEY_LETTERS:
            found = [one for one in known if one.key.hex().startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise VerbError(ExitCode.USAGE, f'"{text}" begins {len(found)} keys; give more of it')
        there = ", ".join(one.called for one in known[:10]) or "none"
        raise VerbError(
            ExitCode.NOT_FOUND, f'no cluster "{text}" is known here (there are: {there})', detail="`peer ls`"
        )

    def listen(self, changed: Changed) -> Callable[[], None]:
        """Have `changed` called after every change; the answer ends that."""
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    def next_version(self, now: float) -> int:
        """A version for terms of ours that none had before."""
        self.version = max(self.version + 1, int(now * 1000))
        self._memory.note_value(VERSION, str(self.version).encode())
        return self.version

    async def put(self, one: Peering) -> None:
        """It stands so from now on; kept when this returns. Raises `Full`, `StoreError`."""
        before = self._known.get(one.key) or Peering(key=one.key)
        if one.standing is Standing.ASKED:
            self._heard_at[one.key] = self._clock()
        if one == before:
            return
        self._demand_room(one)
        if one.standing is not Standing.ASKED:
            self._heard_at.pop(one.key, None)
        if one.standing is Standing.STRANGERS:
            self._known.pop(one.key, None)
        else:
            self._known[one.key] = one
        self._tell(before, one)
        await self._keep(before, one)

    async def clear(self) -> None:
        """Forget all: this host has the cluster's key no more."""
        for one in tuple(self._known.values()):
            await self.put(Peering(key=one.key))

    async def _keep(self, before: Peering, one: Peering) -> None:
        slot = bytes(one.key)
        if one.standing not in _TOLD:
            await self._memory.change_records(KIND, {slot: _pack(one)}, ())
        elif before.standing not in _TOLD:
            await self._memory.change_records(KIND, {}, {slot})

    def _demand_room(self, one: Peering) -> None:
        if one.key in self._known or one.standing is Standing.STRANGERS:
            return
        asks = one.standing is Standing.ASKED
        same = [other for other in self._known.values() if (other.standing is Standing.ASKED) is asks]
        most = ASKING_MAX if asks else KEPT_MAX
        if len(same) >= most:
            raise Full(f"{most} clusters {'ask' if asks else 'are known'} already; `peer ls` lists them")

    def _expire(self) -> None:
        oldest = self._clock() - ASKING_S
        for key in [key for key, at in self._heard_at.items() if at < oldest]:
            del self._heard_at[key]
            self._known.pop(key, None)

    def _tell(self, before: Peering, after: Peering) -> None:
        for changed in tuple(self._listeners):
            changed(before, after)
