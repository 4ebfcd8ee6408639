"""What both sides of a pairing have in common. Pure: bytes and a person's answers in, outputs out.

A side is fed what arrives, is told what the person said, and answers with what is to be done. The first
fault ends it for good. From the words on, both sides go by this table (`own` is this side's person, `far` the
other's Confirm):

    words    own yes -> mine, send Confirm     far yes -> theirs
    mine                                       far yes -> agreed
    theirs   own yes -> agreed, send Confirm
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point

from signal_bus.errors import CallerError
from signal_bus.identity import SEED_BYTES, Identity, agreement_key, has_twin_bit
from signal_bus.ids import PublicKey
from signal_bus.noise import BadHandshake, BadTag, Handshake
from viscript.cluster.model import BadRecord, Card, SignedCard, read_card
from viscript.cluster.pairing.frames import LONG, Frames, TooLong, frame
from viscript.cluster.pairing.messages import Abort, BadMessage, Confirm, Message
from viscript.cluster.pairing.sealing import Sealed
from viscript.render.text import clean
from viscript.verbs.table import Role

WORDS_DIFFER: Final = "the words are not the same: somebody may be in between; nobody was let in"


class Phase(Enum):
    """What a side waits for."""

    HELLO = "hello"  # the inviter
    THIRD = "third"
    REQUEST = "request"
    TAKEN = "taken"
    ANSWER = "answer"  # the joiner
    OFFER = "offer"
    REVEAL = "reveal"
    KEEPING = "keeping"
    WORDS = "words"  # both
    MINE = "mine"
    THEIRS = "theirs"
    AGREED = "agreed"
    DONE = "done"
    DEAD = "dead"


CONSENT: Final[dict[tuple[Phase, bool], Phase]] = {  # (phase, whether it is this side's person): next
    (Phase.WORDS, True): Phase.MINE,
    (Phase.WORDS, False): Phase.THEIRS,
    (Phase.MINE, False): Phase.AGREED,
    (Phase.THEIRS, True): Phase.AGREED,
}
OVER: Final = frozenset({Phase.DONE, Phase.DEAD})


@dataclass(frozen=True)
class Send:
    """These bytes go out."""

    data: bytes


@dataclass(frozen=True)
class Other:
    """Whom this side has before it, as the handshake proved it."""

    key: PublicKey
    label: str
    card: SignedCard
    version: str
    role: Role = Role.VIEW  # that the joiner is to have
    cluster: PublicKey | None = None  # what the inviter offers to join
    name: str = ""
    hosts: int = 0


@dataclass(frozen=True)
class Compare:
    """Show these words, and ask the person whether the other screen has the same."""

    words: str
    other: Other


@dataclass(frozen=True)
class Agreed:
    """Both persons said yes."""


@dataclass(frozen=True)
class Welcomed:
    """The records that make this host a member; keep them, then say `taken`."""

    records: tuple[bytes, ...]


@dataclass(frozen=True)
class Ended:
    """It is over: well (no text), or why not. `words` when somebody said that they differ."""

    text: str = ""
    words: bool = False


Output = Send | Compare | Agreed | Welcomed | Ended


@dataclass
class Side(ABC):
    """One side of one pairing."""

    identity: Identity
    random: Callable[[int], bytes]
    phase: Phase
    handshake: Handshake | None = None
    sealed: Sealed | None = None
    other: Other | None = None
    words: str = ""
    _frames: Frames = field(default_factory=Frames)
    _out: list[Output] = field(default_factory=list)

    # -- what happens to it

    def feed(self, data: bytes) -> list[Output]:
        """What to do after these bytes, however they were split."""
        self._frames.feed(data)
        try:
            while self.phase not in OVER and (payload := self._frames.next()) is not None:
                self._take(payload)
        except BadTag:
            self._end("the handshake failed: the other side does not know the code, or has another key")
        except (BadMessage, BadHandshake, BadRecord, TooLong) as exc:
            self._fail(str(exc))
        return self._outputs()

    def yes(self) -> list[Output]:
        """The person says that the words are the same."""
        self._consent(own=True)
        return self._outputs()

    def no(self, text: str = "", *, words: bool = False) -> list[Output]:
        """The person says that they are not, or goes away; the other side is told."""
        self._fail(text or WORDS_DIFFER, words=words or not text)
        return self._outputs()

    def hung_up(self) -> list[Output]:
        """The connection has ended."""
        if self.phase not in OVER:
            self._end(f"the other side hung up while {_UNDER_WAY[self.phase]}")
        return self._outputs()

    # -- for the two kinds of side

    @abstractmethod
    def _take(self, payload: bytes) -> None:
        """One whole frame, in any phase but those that are over. Raises what `feed` names."""

    def _open(self, payload: bytes) -> Message | None:
        """A sealed message; None when it was an Abort, or a Confirm, which are seen to here."""
        assert self.sealed is not None, "nothing is unsealed before the handshake's end"
        message = self.sealed.open(payload)
        if isinstance(message, Abort):
            self._end(_told(message), words=message.words)
            return None
        if isinstance(message, Confirm) and (self.phase, False) in CONSENT:
            self._consent(own=False)
            return None
        return message

    def _expect(self, payload: bytes, kind: type[Message]) -> Message | None:
        message = self._open(payload)
        if message is not None and not isinstance(message, kind):
            raise BadMessage(f"{type(message).__name__} came while {_UNDER_WAY[self.phase]}")
        return message

    def _shaken(self, *, inviter: bool) -> bytes:
        """The handshake is over: messages are sealed from here on. Its hash."""
        assert self.handshake is not None, "there was a handshake"
        split = self.handshake.split()
        self.sealed = Sealed(split, inviter=inviter)
        self._frames.limit = LONG
        return split.hashed

    def _compare(self, words: str, other: Other) -> None:
        self.phase, self.words, self.other = Phase.WORDS, words, other
        self._out.append(Compare(words, other))

    def _send(self, payload: bytes) -> None:
        self._out.append(Send(frame(payload)))

    def _say(self, message: Message) -> None:
        assert self.sealed is not None, "nothing is said before the handshake's end"
        self._send(self.sealed.seal(message))

    def _consent(self, *, own: bool) -> None:
        following = CONSENT.get((self.phase, own))
        if following is None:
            raise CallerError(f"nothing is to be confirmed while {_UNDER_WAY[self.phase]}")
        self.phase = following
        if own:
            self._say(Confirm())
        if following is Phase.AGREED:
            self._out.append(Agreed())

    def _fail(self, text: str, *, words: bool = False) -> None:
        """End it by our own fault or will; the other side is told why, if it can be."""
        if self.phase in OVER:
            return
        if self.sealed is not None:
            self._say(Abort(words, text[:200]))
        self._end(text, words=words)

    def _end(self, text: str = "", *, words: bool = False) -> None:
        self.phase = Phase.DEAD if text else Phase.DONE
        self._out.append(Ended(text, words))

    def _outputs(self) -> list[Output]:
        out, self._out = self._out, []
        return out


def proved(payload: bytes, handshake: Handshake) -> PublicKey:
    """The key a side told of itself, which is the one it shook hands with. Raises `BadMessage`."""
    if len(payload) != SEED_BYTES or has_twin_bit(payload) or not crypto_core_ed25519_is_valid_point(payload):
        raise BadMessage("the other side told no public key")
    key = PublicKey(payload)
    if agreement_key(key) != handshake.remote:
        raise BadMessage("the other side told another key than it shook hands with")
    return key


def card_of(record: bytes, key: PublicKey) -> SignedCard:
    """A card, which has to be that key's own. Raises `BadMessage` or `BadRecord`."""
    card = read_card(record)
    body: Card = card.body
    if body.key != key:
        raise BadMessage("the other side shows somebody else's card")
    return card


def _told(abort: Abort) -> str:
    if abort.words:
        return "the other side says that the words differ: somebody may be in between; nobody was let in"
    return f"the other side ended it: {clean(abort.text) or 'it gave no reason'}"


_UNDER_WAY: Final[dict[Phase, str]] = {
    Phase.HELLO: "it was to say what it wants",
    Phase.THIRD: "shaking hands",
    Phase.REQUEST: "it was to say who it is",
    Phase.TAKEN: "it was to keep what makes it a member",
    Phase.ANSWER: "shaking hands",
    Phase.OFFER: "the handshake was judged",
    Phase.REVEAL: "the words were made",
    Phase.KEEPING: "this host keeps what makes it a member",
    Phase.WORDS: "the words were compared",
    Phase.MINE: "the words were compared",
    Phase.THEIRS: "the words were compared",
    Phase.AGREED: "the joining host was to be made a member",
    Phase.DONE: "it was over",
    Phase.DEAD: "it was over",
}
