"""Which client speaks for which id. Pure: hellos and times in, decisions out.

A client is one process that joined. Its phase:

    JOINED   its connection is good
    LOST     its connection broke, or it stopped reading; it may come back
    LEFT     it said bye

Whoever says hello for an id is compared with the client known for it (the claim), and phase x claim
decides. Health is a flag beside the phase, from the age of the last message in beats; whether a process
lives is for the kernel to say, through `remove`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from signal_bus import limits
from signal_bus.delegate import Admission, Peer
from signal_bus.ids import Generation, SeqId
from signal_bus.messages import Hello


class Phase(Enum):
    """What is known of a client's connection."""

    JOINED = auto()
    LOST = auto()
    LEFT = auto()


class Claim(Enum):
    """How a hello compares with the client known for its id."""

    SAME = auto()  # the same process again
    OTHER = auto()  # another process of the same launch
    NEWER = auto()  # a later launch
    OLDER = auto()  # an earlier launch


class Verdict(Enum):
    """What becomes of a hello."""

    ADD = auto()  # the first for its id
    REJOIN = auto()  # goes on under a new connection
    SUCCEED = auto()  # takes the place of the one before
    DUPLICATE = auto()  # refused: somebody else speaks for the id
    STALE = auto()  # refused: its launch is over


VERDICTS: Final[dict[tuple[Phase, Claim], Verdict]] = {
    (Phase.JOINED, Claim.SAME): Verdict.REJOIN,
    (Phase.JOINED, Claim.OTHER): Verdict.DUPLICATE,
    (Phase.JOINED, Claim.NEWER): Verdict.SUCCEED,
    (Phase.JOINED, Claim.OLDER): Verdict.STALE,
    (Phase.LOST, Claim.SAME): Verdict.REJOIN,
    (Phase.LOST, Claim.OTHER): Verdict.SUCCEED,
    (Phase.LOST, Claim.NEWER): Verdict.SUCCEED,
    (Phase.LOST, Claim.OLDER): Verdict.STALE,
    (Phase.LEFT, Claim.SAME): Verdict.REJOIN,
    (Phase.LEFT, Claim.OTHER): Verdict.SUCCEED,
    (Phase.LEFT, Claim.NEWER): Verdict.SUCCEED,
    (Phase.LEFT, Claim.OLDER): Verdict.STALE,
}


class Health(Enum):
    """What a client's beats say."""

    OK = "ok"
    SUSPECT = "suspect"
    SILENT = "silent"


@dataclass(slots=True)
class Client:
    """One process that joined; `link` is the number of its connection."""

    seq: SeqId
    generation: Generation
    session: str
    pid: int | None
    link: int
    wants: tuple[str, ...]
    methods: str
    beat_s: float
    heard: float
    phase: Phase = Phase.JOINED
    health: Health = Health.OK
    word: str = "starting"
    reason: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)
    lag_s: float = 0.0
    work: int = 0


class Registry:
    """The clients by id, and by connection."""

    def __init__(self) -> None:
        self._clients: dict[SeqId, Client] = {}
        self._by_link: dict[int, Client] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._clients.values()))

    def get(self, seq: SeqId) -> Client | None:
        """The client that speaks, or last spoke, for `seq`."""
        return self._clients.get(seq)

    def at(self, link: int) -> Client | None:
        """The client whose connection this is; none once another took its place."""
        return self._by_link.get(link)

    def beat_interval(self) -> float:
        """What a client that joins now is told: the server wants a bounded number of beats in all."""
        return max(limits.BEAT_MIN_S, (len(self._clients) + 1) / limits.CLIENTS_PER_BEAT_S)

    def judge(self, admission: Admission, session: str, pid: int | None) -> Verdict:
        """What would become of this hello. Changes nothing."""
        known = self._clients.get(admission.seq)
        if known is None:
            return Verdict.ADD
        return VERDICTS[known.phase, _claim(known, admission, session, pid)]

    def join(self, admission: Admission, hello: Hello, peer: Peer, link: int, now: float) -> Client:
        """Enter a client whose hello was judged well; whoever spoke for the id before no longer does."""
        before = self._clients.get(admission.seq)
        if before is not None:
            self._by_link.pop(before.link, None)
        client = Client(
            seq=admission.seq,
            generation=admission.generation,
            session=hello.session,
            pid=peer.pid,
            link=link,
            wants=hello.wants,
            methods=hello.methods,
            beat_s=self.beat_interval(),
            heard=now,
        )
        self._clients[client.seq] = client
        self._by_link[link] = client
        return client

    def lose(self, link: int) -> Client | None:
        """The connection is no more; gives the client it belonged to, if that had not left."""
        client = self._by_link.pop(link, None)
        if client is None or client.phase is Phase.LEFT:
            return None
        client.phase = Phase.LOST
        return client

    def leave(self, client: Client) -> None:
        """It said bye: its requests fail, but late answers are still read."""
        client.phase = Phase.LEFT

    def remove(self, seq: SeqId, generation: Generation) -> Client | None:
        """The process of that launch ended; a newer launch is left alone."""
        client = self._clients.get(seq)
        if client is None or client.generation > generation:
            return None
        del self._clients[seq]
        self._by_link.pop(client.link, None)
        return client

    def heard(self, client: Client, now: float) -> bool:
        """Any message is a sign of life; true when the client's health changed."""
        client.heard = now
        changed = client.health is not Health.OK
        client.health = Health.OK
        return changed

    def tick(self, now: float) -> list[Client]:
        """Clients whose health changed for want of beats."""
        changed = []
        for client in self._clients.values():
            health = _health(client, now)
            if health is not client.health and client.phase is not Phase.LEFT:
                client.health = health
                changed.append(client)
        return changed


def _claim(known: Client, admission: Admission, session: str, pid: int | None) -> Claim:
    if admission.generation > known.generation:
        return Claim.NEWER
    if admission.generation < known.generation:
        return Claim.OLDER
    same = session == known.session and pid == known.pid
    return Claim.SAME if same else Claim.OTHER


def _health(client: Client, now: float) -> Health:
    missed = (now - client.heard) / client.beat_s
    if missed >= limits.SILENT_BEATS:
        return Health.SILENT
    return Health.SUSPECT if missed >= limits.SUSPECT_BEATS else Health.OK
