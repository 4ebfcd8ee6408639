"""What a server asks of, and tells, the program it serves. All of it is synchronous and quick, but `verb`."""

from typing import Any, Protocol

import msgspec

from signal_bus.ids import CurveKey, Generation, SeqId
from signal_bus.messages import Closing, Fence, Hello, Service, VerbReply, VerbRequest


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end of a connection, as the kernel (ipc) or CURVE (tcp) proved it."""

    door: str  # "apps", "operators" or "tcp"
    uid: int | None = None
    gid: int | None = None
    pid: int | None = None
    user: str = ""  # on tcp: its CURVE public key in hexadecimal, which is on the allow list (see tokens.py)


class Admission(msgspec.Struct, frozen=True):
    """The client may join, as this launch of this id."""

    seq: SeqId
    generation: Generation


class Refusal(msgspec.Struct, frozen=True):
    """The client may not join; `code` is one of `kinds.ERROR_CODES`."""

    code: str
    text: str
    retry: bool = False


class ExitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended, told by the kernel."""

    code: int | None = None
    signal: int | None = None
    runtime_s: float = 0.0
    planned: bool = False
    totals: dict[str, float] = {}
    last_lines: tuple[str, ...] = ()
    next: str = ""


class Delegate(Protocol):
    """The program a server serves. Subclass `BaseDelegate` to answer only what you care for."""

    def may_connect(self, uid: int) -> bool:
        """Whether processes of this user may open a connection to the apps' door at all."""

    def admit(self, hello: Hello, peer: Peer) -> Admission | Refusal:
        """Decide on a hello: does `peer.pid` lie in that app's tree, is the token right, is this id known?"""

    def registered(self, seq: SeqId, generation: Generation, hello: Hello) -> None:
        """The client has joined (or joined again: `hello.resume`)."""

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        """It can be used."""

    def state(self, seq: SeqId, generation: Generation, word: str, reason: str) -> None:
        """It says how it is: starting, ready, degraded or draining."""

    def health(self, seq: SeqId, generation: Generation, word: str) -> None:
        """Its beats say ok, suspect or silent. A flag: whether the process lives is the kernel's to say."""

    def closing(self, seq: SeqId, generation: Generation, closing: Closing) -> None:
        """It asks for more time to end, within the cap."""

    def bye(self, seq: SeqId, generation: Generation, reason: str) -> None:
        """It ends on purpose; its exit is planned."""

    def lost(self, seq: SeqId, generation: Generation) -> None:
        """Its connection broke or it stopped reading; it may join again."""

    def usage(self, seq: SeqId, generation: Generation, figures: dict[str, float]) -> None:
        """Figures of its own."""

    def event(self, seq: SeqId, generation: Generation, topic: str, data: dict[str, Any]) -> None:
        """It tells of something that happened."""

    def lease(self, seq: SeqId, generation: Generation, name: str, *, release: bool) -> Fence | Refusal:
        """It wants a lock of the cluster, or wants it no more; who has it now. Asked again and again."""

    def services_changed(self, added: tuple[Service, ...], removed: tuple[Service, ...]) -> None:
        """Services came or went."""

    def refused(self, code: str, text: str) -> None:
        """A message or a hello was refused."""

    async def verb(self, request: VerbRequest) -> VerbReply:
        """Do what an operator asks. Runs in its own task, with a deadline."""


class BaseDelegate:
    """Admits a client under the id it claims, and ignores the rest. For subclasses and tests."""

    def may_connect(self, uid: int) -> bool:
        """Everybody may."""
        return True

    def admit(self, hello: Hello, peer: Peer) -> Admission | Refusal:
        """Known ids are those the hello claims; nobody joins as external."""
        if hello.seq == 0:
            return Refusal("not-allowed", "programs nobody launched may not join here")
        return Admission(hello.seq, hello.generation)

    def registered(self, seq: SeqId, generation: Generation, hello: Hello) -> None:
        """Nothing."""

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        """Nothing."""

    def state(self, seq: SeqId, generation: Generation, word: str, reason: str) -> None:
        """Nothing."""

    def health(self, seq: SeqId, generation: Generation, word: str) -> None:
        """Nothing."""

    def closing(self, seq: SeqId, generation: Generation, closing: Closing) -> None:
        """Nothing."""

    def bye(self, seq: SeqId, generation: Generation, reason: str) -> None:
        """Nothing."""

    def lost(self, seq: SeqId, generation: Generation) -> None:
        """Nothing."""

    def usage(self, seq: SeqId, generation: Generation, figures: dict[str, float]) -> None:
        """Nothing."""

    def event(self, seq: SeqId, generation: Generation, topic: str, data: dict[str, Any]) -> None:
        """Nothing."""

    def lease(self, seq: SeqId, generation: Generation, name: str, *, release: bool) -> Fence | Refusal:
        """There are no locks."""
        return Refusal("failed", "there are no locks here: this home shares no store with other hosts")

    def services_changed(self, added: tuple[Service, ...], removed: tuple[Service, ...]) -> None:
        """Nothing."""

    def refused(self, code: str, text: str) -> None:
        """Nothing."""

    async def verb(self, request: VerbRequest) -> VerbReply:
        """There are no verbs."""
        return VerbReply(code=2, err=f"unknown verb {request.argv[0]!r}")


class TcpDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Where hosts elsewhere reach this one: always CURVE, only the keys named here."""

    endpoint: str  # tcp://ADDRESS:PORT, or :* for any free port
    allowed: dict[CurveKey, str] = {}  # CURVE public key: name
