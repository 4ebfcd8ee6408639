"""The joiner's side of a pairing. Pure, but for fresh keys and numbers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.noise import Handshake, Pattern
from viscript.cluster.pairing.code import Code
from viscript.cluster.pairing.inviter import prologue
from viscript.cluster.pairing.messages import (
    BadMessage,
    Offer,
    Request,
    Reveal,
    Status,
    Taken,
    Welcome,
    hello,
    read_answer,
)
from viscript.cluster.pairing.side import Ended, Other, Output, Phase, Side, Welcomed, card_of, proved
from viscript.cluster.pairing.words import NONCE_BYTES, is_committed, words

NEW_CODE = "ask for a new one: host invite"
REFUSALS: dict[Status, str] = {
    Status.UNKNOWN: (
        "the host there has no such invitation: the code is another host's, or its daemon was"
        f" started anew since; {NEW_CODE}"
    ),
    Status.EXPIRED: f"the code has expired, it holds for 10 minutes; {NEW_CODE}",
    Status.USED: f"the code was used already; {NEW_CODE}",
    Status.BURNT: f"the code was burnt, by three failures or by words that differed; {NEW_CODE}",
    Status.BUSY: "another host is pairing with this very code; is it yours?",
    Status.WITHDRAWN: f"the invitation was withdrawn; {NEW_CODE}",
}
ANOTHER_KEY = (
    "what answers there has another key than the code names: somebody is in between, or the address"
    " is another host's by now; nothing was told to it"
)


class Joiner(Side):
    """Speaks first: `begin`."""

    def __init__(
        self,
        identity: Identity,
        code: Code,
        *,
        label: str,
        card: bytes,
        version: str = "",
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        super().__init__(identity, random, Phase.ANSWER)
        self._code = code
        self._label, self._card, self._version = label, card, version
        self._hashed = b""
        self._nonce = random(NONCE_BYTES)
        self._offer: Offer | None = None

    def begin(self) -> list[Output]:
        """The first bytes to send."""
        self.handshake = Handshake(
            Pattern.XXPSK3,
            initiator=True,
            prologue=prologue(self._code.invitation),
            static=self.identity.agreement_secret(),
            secret=self._code.psk,
        )
        self._send(hello(self._code.invitation, self.handshake.write()))
        return self._outputs()

    def taken(self) -> list[Output]:
        """This host has kept the records it was given."""
        assert self.phase is Phase.KEEPING, "nothing was given"
        self._say(Taken())
        self._end()
        return self._outputs()

    def _take(self, payload: bytes) -> None:
        if self.phase is Phase.ANSWER:
            self._answer(payload)
        elif self.phase is Phase.OFFER:
            self._offered(payload)
        elif self.phase is Phase.REVEAL:
            self._revealed(payload)
        else:
            self._welcomed(payload)

    def _answer(self, payload: bytes) -> None:
        status, second = read_answer(payload)
        if status is not Status.OPEN:
            self.phase = Phase.DEAD
            self._out.append(Ended(REFUSALS[status]))
            return
        assert self.handshake is not None, "`begin` came first"
        key = proved(self.handshake.read(second), self.handshake)
        if not self._code.is_by(key):
            raise BadMessage(ANOTHER_KEY)
        self._key = key
        self._send(self.handshake.write(self.identity.public_key))
        self._hashed = self._shaken(inviter=False)
        self.phase = Phase.OFFER

    def _offered(self, payload: bytes) -> None:
        offer = self._expect(payload, Offer)
        if not isinstance(offer, Offer):
            return
        self._offer = offer
        self._theirs = card_of(offer.card, self._key)
        self._say(Request(nonce=self._nonce, label=self._label, card=self._card, version=self._version))
        self.phase = Phase.REVEAL

    def _revealed(self, payload: bytes) -> None:
        reveal, offer = self._expect(payload, Reveal), self._offer
        if not isinstance(reveal, Reveal) or offer is None:
            return
        if not is_committed(offer.commit, self._hashed, reveal.nonce):
            raise BadMessage("the other side changed its number after it saw ours")
        other = Other(
            key=self._key,
            label=offer.label,
            card=self._theirs,
            version=offer.version,
            role=offer.role,
            cluster=PublicKey(offer.cluster),
            name=offer.name,
            hosts=offer.hosts,
        )
        self._compare(words(self._hashed, self._nonce, reveal.nonce), other)

    def _welcomed(self, payload: bytes) -> None:
        welcome = self._expect(payload, Welcome)
        if not isinstance(welcome, Welcome):
            return
        if self.phase is not Phase.AGREED:
            raise BadMessage("it welcomes us before both persons said yes")
        self.phase = Phase.KEEPING
        self._out.append(Welcomed(welcome.records))
