"""The tokens of apps that join the bus over tcp: made, compared, and kept on the door's allow list.

The keeper makes each launch's token from a key of its app (see `viscript.keeper.tokens`); the daemon gave it
that key, and makes the same token again to judge one. So a new daemon knows the tokens of every run it takes
back, and no token is stored. What is stored is who used it first: nobody else may afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from signal_bus import tokens
from signal_bus.delegate import Refusal
from signal_bus.identity import Identity
from signal_bus.ids import CurveKey
from signal_bus.messages import Hello
from viscript.keeper.tokens import token_of
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

KEY_CONTEXT: Final = "viscript app tokens 1"
LIVES: Final = frozenset({Phase.STARTING, Phase.RUNNING, Phase.READY, Phase.STOPPING, Phase.CYCLING})


class Tokens:
    """Makes the tokens of one home's apps."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.server_key = identity.curve().public.hex()

    def key(self, seq: int) -> str:
        """What the tokens of that id are made from."""
        return self._identity.derive(f"{KEY_CONTEXT}/{seq}".encode()).hex()

    def token(self, seq: int, generation: int) -> str:
        """The token of one launch."""
        return token_of(self.key(seq), seq, generation)

    def judge(self, hello: Hello, managed: Managed) -> Refusal | None:
        """Why a hello over tcp for the present launch of an app is refused; None when its token is right."""
        if managed.entry.spec.join != "tcp":
            return Refusal("wrong-process", f"app {managed.seq} does not join over tcp (`join: tcp` lets it)")
        if not hello.token:
            return Refusal("no-token", f"app {managed.seq} joins over tcp by its token; none was given")
        if not tokens.same(hello.token, self.token(managed.seq, managed.generation)):
            return Refusal("wrong-token", f"not the token of app {managed.seq}.{managed.generation}")
        if managed.bearer.startswith(f"{managed.generation}.") and managed.bearer != bearer(hello, managed):
            text = f"the token of app {managed.seq}.{managed.generation} was used by another program"
            return Refusal("used-token", text)
        return None


def bearer(hello: Hello, managed: Managed) -> str:
    """Who speaks with the token of the present launch, in a form that proves nothing to who reads it."""
    return f"{managed.generation}.{hashlib.sha256(hello.session.encode()).hexdigest()}"


class Doorkeeper:
    """Keeps on the door's allow list the keys of the launches that may join, and of those just before.

    A launch that was replaced may still connect, so that it is told `stale` and not only hung up on.
    """

    def __init__(
        self,
        make: Tokens,
        *,
        allow: Callable[[CurveKey, str], None],
        forbid: Callable[[CurveKey], None],
    ) -> None:
        self._make = make
        self._allow = allow
        self._forbid = forbid
        self._open: dict[int, dict[int, CurveKey]] = {}  # by id and generation

    def look(self, managed: Managed) -> None:
        """Something about this app has changed: let in the launch it is in now."""
        joins = managed.entry.spec.join == "tcp" and managed.phase in LIVES
        if not joins and managed.seq not in self._open:
            return
        held = self._open.setdefault(managed.seq, {})
        generation = managed.generation
        if joins and generation and generation not in held:
            key = held[generation] = tokens.curve_of(self._make.token(managed.seq, generation)).public
            self._allow(key, f"app/{managed.seq}.{generation}")
        wanted = {generation, generation - 1} if joins else set()
        for old in held.keys() - wanted:
            self._forbid(held.pop(old))
        if not held:
            del self._open[managed.seq]

    def launched(self, user: str) -> str:
        """The id whose launch has this key, as text; empty for the key of a host."""
        for seq, held in self._open.items():
            if any(key.hex() == user for key in held.values()):
                return str(seq)
        return ""
