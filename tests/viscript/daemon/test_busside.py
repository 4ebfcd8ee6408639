"""What the bus asks of the supervisor, and what the supervisor asks of the bus."""

import os
import pwd
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec
import pytest

from signal_bus.delegate import Admission, ExitFacts, Peer, Refusal
from signal_bus.errors import Gone
from signal_bus.identity import Identity
from signal_bus.ids import CurveKey, Generation, SeqId, Session
from signal_bus.messages import Hello, Method, Service, VerbReply, VerbRequest
from signal_bus.server import SignalServer
from signal_bus.tokens import curve_of
from tests.support.supervision import Bench
from viscript.config.model import App, Bus, Check
from viscript.daemon import busside
from viscript.daemon.busside import BusDelegate, BusSide, tcp_door, users_of
from viscript.daemon.tokens import Doorkeeper, Tokens
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import AppEntry
from viscript.supervisor.external import Externals
from viscript.supervisor.lifecycle import Phase

T = TypeVar("T")
SEQ, GEN = SeqId(1), Generation(1)
TOKENS = Tokens(Identity(bytes(range(32))))


@dataclass
class Switches:
    """What the configuration lets in."""

    external: bool = False
    users: frozenset[int] = frozenset()


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def door() -> Doorkeeper:
    """It keeps no real door."""
    return Doorkeeper(TOKENS, allow=lambda key, name: None, forbid=lambda key: None)


@pytest.fixture
def delegate(bench: Bench, switches: Switches, door: Doorkeeper) -> BusDelegate:
    async def run_verb(request: VerbRequest) -> VerbReply:
        return VerbReply(out=" ".join(request.argv))

    return BusDelegate(
        bench.conductor,
        bench.checking,
        bench.events,
        belongs=lambda pid, managed: pid == managed.pid,
        run_verb=run_verb,
        externals=Externals(bench.supervisor, bench.conductor, bench.bus.ask_shutdown),
        external_allowed=lambda: switches.external,
        users=lambda: switches.users,
        tokens=TOKENS,
        doorkeeper=door,
    )


def hello(seq: int = 1, generation: int = 1, name: str = "") -> Hello:
    return Hello(seq=SeqId(seq), generation=Generation(generation), session=Session("a" * 16), name=name)


def peer(pid: int | None) -> Peer:
    return Peer(door="apps", uid=0, gid=0, pid=pid)


async def started(bench: Bench, **fields: Any) -> int:
    """A run of app 1; its pid."""
    bench.app("web", **fields)
    found = await bench.supervisor.start("web", wait=None)
    assert found.instance.pid is not None
    return found.instance.pid


async def test_a_process_of_the_app_speaks_for_it(bench: Bench, delegate: BusDelegate) -> None:
    assert delegate.admit(hello(), peer(await started(bench))) == Admission(SEQ, GEN)


@pytest.mark.parametrize(
    "seq,generation,code,retry",
    [(9, 1, "unknown-id", False), (1, 0, "stale", False), (1, 2, "unknown-id", True)],
)
async def test_who_names_another_run_is_turned_away(
    bench: Bench, delegate: BusDelegate, seq: int, generation: int, code: str, retry: bool
) -> None:
    pid = await started(bench)
    if code != "stale":
        found = delegate.admit(hello(seq, generation), peer(pid))
        assert isinstance(found, Refusal)
        assert (found.code, found.retry) == (code, retry)
        return
    bench.keeper.exited(1, 1)
    bench.keeper.spawned(1, 2, restart=True)
    found = delegate.admit(hello(1, 1), peer(bench.held().pid))
    assert isinstance(found, Refusal)
    assert (found.code, found.retry) == ("stale", False)


@pytest.mark.parametrize("pid", [None, 1])
async def test_a_process_of_somebody_else_is_turned_away(
    bench: Bench, delegate: BusDelegate, pid: int | None
) -> None:
    await started(bench)
    found = delegate.admit(hello(), peer(pid))
    assert isinstance(found, Refusal)
    assert (found.code, found.retry) == ("wrong-process", False)


async def test_one_that_is_quicker_than_the_keepers_word_asks_again(
    bench: Bench, delegate: BusDelegate
) -> None:
    await started(bench)
    bench.held().pid = None
    found = delegate.admit(hello(), peer(4711))
    assert isinstance(found, Refusal)
    assert found.retry


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.BACKOFF, Phase.FATAL, Phase.DONE, Phase.WAITING])
async def test_what_does_not_run_has_no_speaker(bench: Bench, delegate: BusDelegate, phase: Phase) -> None:
    pid = await started(bench)
    bench.held().phase = phase
    found = delegate.admit(hello(), peer(pid))
    assert isinstance(found, Refusal)
    assert found.code == "unknown-id"


async def test_to_register_is_to_have_started(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, settle=60.0)
    delegate.registered(SEQ, GEN, hello())
    assert bench.held().state is State.RUNNING
    assert bench.held().registered
    assert bench.held().conditions["Registered"].status


async def test_to_register_is_to_be_ready_where_that_was_declared(
    bench: Bench, delegate: BusDelegate
) -> None:
    await started(bench, ready=Check(signal=True))
    delegate.registered(SEQ, GEN, hello())
    assert bench.held().state is State.READY


async def test_to_register_is_not_to_pass_another_check(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, ready=Check(notify=True))
    delegate.registered(SEQ, GEN, hello())
    delegate.ready(SEQ, GEN, {})
    assert bench.held().state is State.STARTING


@pytest.mark.parametrize("ready", [Check(signal=True), None])
async def test_who_will_say_ready_later_is_not_ready_by_having_joined(
    bench: Bench, delegate: BusDelegate, ready: Check | None
) -> None:
    await started(bench, ready=ready)
    delegate.registered(SEQ, GEN, msgspec.structs.replace(hello(), later=True))
    assert bench.held().phase is Phase.STARTING
    delegate.ready(SEQ, GEN, {})
    delegate.ready(SEQ, GEN, {})
    assert bench.held().phase in (Phase.RUNNING, Phase.READY)


async def test_to_say_ready_is_to_have_started(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, settle=60.0)
    delegate.ready(SEQ, GEN, {"http": "127.0.0.1:80"})
    assert bench.held().state is State.RUNNING


async def test_what_an_old_run_says_changes_nothing(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, settle=60.0)
    bench.keeper.exited(1, 1)
    bench.keeper.spawned(1, 2, restart=True)
    told = bench.types()
    delegate.registered(SEQ, GEN, hello())
    delegate.ready(SEQ, GEN, {})
    delegate.health(SEQ, GEN, "silent")
    delegate.lost(SEQ, GEN)
    delegate.event(SEQ, GEN, "x", {})
    delegate.health(SeqId(9), GEN, "silent")
    assert bench.types() == told
    assert bench.held().conditions == {}
    assert not bench.held().registered


async def test_silence_is_a_condition_and_an_event(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, settle=60.0)
    delegate.registered(SEQ, GEN, hello())
    for word in ("ok", "silent", "ok"):
        delegate.health(SEQ, GEN, word)
    assert [event.data["word"] for event in bench.told("app.health")] == ["silent", "ok"]
    assert bench.held().state is State.RUNNING


async def test_to_leave_the_bus_is_not_to_end(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench)
    delegate.registered(SEQ, GEN, hello())
    delegate.lost(SEQ, GEN)
    assert bench.held().state is State.RUNNING
    assert not bench.held().registered
    assert not bench.held().conditions["Registered"].status


async def test_what_an_app_tells_is_an_event(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench)
    delegate.event(SEQ, GEN, "connected", {"peers": 3})
    (event,) = bench.told("app.event")
    assert (event.object, event.reason) == ("app/1", "connected")
    assert event.data == {"name": "web", "topic": "connected", "fields": {"peers": 3}}


async def test_services_come_and_go_as_events(bench: Bench, delegate: BusDelegate) -> None:
    proxy = Service(name="proxy", type="socks5", address="127.0.0.1:1080", seq=SEQ, generation=GEN)
    delegate.services_changed((proxy,), ())
    delegate.services_changed((), (proxy,))
    assert bench.types() == ["service.offered", "service.withdrawn"]
    assert bench.events.since(1)[0].data["address"] == "127.0.0.1:1080"


async def test_strangers_are_let_in_where_the_configuration_says_so(
    bench: Bench, delegate: BusDelegate, switches: Switches
) -> None:
    found = delegate.admit(hello(0, 0, "tool"), peer(4711))
    assert isinstance(found, Refusal)
    assert found.code == "not-allowed"
    switches.external = True
    assert delegate.admit(hello(0, 0, "tool"), peer(4711)) == Admission(SEQ, GEN)
    delegate.registered(SEQ, GEN, hello())
    delegate.lost(SEQ, GEN)
    assert bench.held().state is State.STOPPED
    assert delegate.admit(hello(1, 1), peer(4712)) == Admission(SEQ, GEN)
    other = delegate.admit(hello(1, 1), peer(4713))
    assert isinstance(other, Refusal)
    assert other.code == "duplicate"


async def test_too_many_strangers_are_told_to_come_later(
    bench: Bench, delegate: BusDelegate, switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.supervisor.external.MOST", 0)
    switches.external = True
    found = delegate.admit(hello(0, 0), peer(1))
    assert isinstance(found, Refusal)
    assert (found.code, found.retry) == ("busy", True)


async def test_only_users_of_this_home_may_connect(delegate: BusDelegate, switches: Switches) -> None:
    stranger = os.geteuid() + 4711
    assert delegate.may_connect(0)
    assert delegate.may_connect(os.geteuid())
    assert not delegate.may_connect(stranger)
    switches.users = frozenset({stranger})
    assert delegate.may_connect(stranger)


async def test_a_flood_of_refusals_is_told_once_a_while(
    bench: Bench, delegate: BusDelegate, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    bench.conductor.now = lambda: now
    for _ in range(100):
        delegate.refused("stale", "app 7 is in generation 3")
    delegate.refused("busy", "another thing")
    now += busside.COMPLAIN_SECONDS
    delegate.refused("stale", "app 7 is in generation 3")
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [
        "stale",
        "busy",
        "stale",
    ]


def far(token: str, session: str = "a" * 16, generation: int = 1) -> Hello:
    return Hello(seq=SEQ, generation=Generation(generation), session=Session(session), token=token)


ELSEWHERE = Peer(door="tcp", user="ab" * 32)


async def test_over_tcp_an_app_is_known_by_its_token(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, join="tcp", settle=60.0)
    said = far(TOKENS.token(1, 1))
    assert delegate.admit(said, ELSEWHERE) == Admission(SEQ, GEN)
    delegate.registered(SEQ, GEN, said)
    assert bench.held().state is State.RUNNING
    assert bench.held().bearer
    assert bench.held().record().bearer == bench.held().bearer
    assert delegate.admit(said, ELSEWHERE) == Admission(SEQ, GEN)
    assert bench.told("bus.refused") == []


async def test_who_cannot_prove_itself_over_tcp_is_turned_away_and_told_of(
    bench: Bench, delegate: BusDelegate
) -> None:
    await started(bench, join="tcp")
    right = TOKENS.token(1, 1)
    delegate.registered(SEQ, GEN, far(right))
    tries = [far(""), far("0" * 64), far(right, "b" * 16), far(TOKENS.token(1, 0), generation=0)]
    codes = []
    for said in tries:
        found = delegate.admit(said, ELSEWHERE)
        assert isinstance(found, Refusal)
        codes.append(found.code)
    assert codes == ["no-token", "wrong-token", "used-token", "stale"]
    events = bench.told("bus.refused")
    assert [event.data["code"] for event in events] == codes
    assert all(event.object == "app/1" and right not in event.reason for event in events)


async def test_a_token_is_no_word_of_the_kernel(bench: Bench, delegate: BusDelegate) -> None:
    await started(bench, join="tcp")
    found = delegate.admit(far(TOKENS.token(1, 1)), peer(1))
    assert isinstance(found, Refusal)
    assert found.code == "wrong-process"


async def test_the_key_of_a_launch_lets_nobody_in_as_somebody_else(
    bench: Bench, delegate: BusDelegate, switches: Switches, door: Doorkeeper
) -> None:
    switches.external = True
    await started(bench, join="tcp")
    door.look(bench.held())
    user = curve_of(TOKENS.token(1, 1)).public.hex()
    found = delegate.admit(hello(0, 0, "tool"), Peer(door="tcp", user=user))
    assert isinstance(found, Refusal)
    assert found.code == "not-allowed"


async def test_who_tries_again_and_again_is_told_of_once_a_while(bench: Bench, delegate: BusDelegate) -> None:
    now = 1000.0
    bench.conductor.now = lambda: now
    await started(bench, join="tcp")
    for seq in range(2, 50):  # ids that are nobody's
        delegate.admit(hello(seq), ELSEWHERE)
        delegate.admit(far(""), ELSEWHERE)
    now += busside.COMPLAIN_SECONDS
    delegate.admit(far(""), ELSEWHERE)
    codes = [event.data["code"] for event in bench.told("bus.refused")]
    assert codes == ["unknown-id", "no-token", "no-token"]


async def test_verbs_of_operators_are_run(delegate: BusDelegate) -> None:
    assert (await delegate.verb(VerbRequest(argv=("la", "-a")))).out == "la -a"


# The other way.


@dataclass
class Server:
    """A bus whose every answer is chosen by the test."""

    fault: Exception | None = None
    published: list[Any] = field(default_factory=list)
    exits: list[tuple[int, int, ExitFacts]] = field(default_factory=list)

    async def ping(self, seq: int, timeout: float) -> float:
        return self._answer(0.001)

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        return self._answer({"method": method, "params": params})

    async def describe(self, seq: int) -> tuple[Method, ...]:
        return self._answer((Method("hello", "greets"),))

    async def shutdown(self, seq: int, deadline: float) -> None:
        self._answer(None)

    def allow(self, key: bytes, name: str) -> None:
        self.published.append((key, name))

    def forbid(self, key: bytes) -> None:
        self.published.remove((key, "app/1.1"))

    def publish(self, event: object) -> None:
        self.published.append(event)

    def exited(self, seq: int, generation: int, facts: ExitFacts) -> None:
        self.exits.append((seq, generation, facts))

    def _answer(self, answer: T) -> T:
        if self.fault is not None:
            raise self.fault
        return answer


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def side(server: Server) -> BusSide:
    side = BusSide()
    side.serve(cast("SignalServer", server))
    return side


async def test_answers_of_the_bus_are_given_on(side: BusSide) -> None:
    assert await side.ping(1, 1.0) == 0.001
    assert await side.call(1, "m", {"a": 1}, 1.0) == {"method": "m", "params": {"a": 1}}
    assert (await side.describe(1))["hello"]["summary"] == "greets"
    await side.ask_shutdown(1, 1.0)


async def test_the_door_is_opened_and_closed_through_it(side: BusSide, server: Server) -> None:
    side.allow(CurveKey(b"k"), "app/1.1")
    assert server.published == [(b"k", "app/1.1")]
    side.forbid(CurveKey(b"k"))
    assert server.published == []


async def test_no_answer_to_a_ping_is_none(side: BusSide, server: Server) -> None:
    server.fault = TimeoutError()
    assert await side.ping(1, 0.1) is None


async def test_faults_of_the_bus_are_told_with_the_app(side: BusSide, server: Server) -> None:
    server.fault = Gone(1, "it ended")
    for asked, code in (
        (side.ping(1, 1.0), ExitCode.NOT_HEALTHY),
        (side.call(1, "m", None, 1.0), ExitCode.FAILED),
        (side.describe(1), ExitCode.FAILED),
    ):
        with pytest.raises(VerbError, match=r"^app 1: (m: )?it ended$") as caught:
            await asked
        assert caught.value.code is code


@pytest.mark.parametrize("fault", [Gone(1, "it ended"), TimeoutError()])
async def test_a_stop_goes_on_whatever_the_bus_says(side: BusSide, server: Server, fault: Exception) -> None:
    server.fault = fault
    await side.ask_shutdown(1, 1.0)


async def test_before_the_bus_is_open_nothing_is_asked_of_it() -> None:
    with pytest.raises(AssertionError, match="before any app"):
        await BusSide().ping(1, 1.0)


async def test_every_event_is_published_and_an_exit_fails_what_waits(
    bench: Bench, side: BusSide, server: Server
) -> None:
    bench.events.listen(side.hear)
    await started(bench)
    bench.keeper.exited(1, 1, code=3, delay=1.25)
    assert [event["type"] for event in server.published] == bench.types()
    ((seq, generation, facts),) = server.exits
    assert (seq, generation, facts.code, facts.signal, facts.runtime_s) == (1, 1, 3, None, 0.1)
    assert facts.next == "starts again in 1.2 s"


async def test_an_exit_nobody_saw_fails_what_waits_too(bench: Bench, side: BusSide, server: Server) -> None:
    bench.events.listen(side.hear)
    await started(bench)
    bench.keeper.exited(1, 1, code=None, next="fatal", delay=None, runtime=None)
    assert server.exits[0][2] == ExitFacts(code=None, signal=None, runtime_s=0.0, next="")


def test_the_door_for_other_hosts_is_opened_by_the_configuration_only() -> None:
    assert tcp_door(Bus()) is None
    door = tcp_door(Bus(tcp="10.0.0.1:7000", allow=("ab" * 32,)))
    assert door is not None
    assert door.endpoint == "tcp://10.0.0.1:7000"
    assert list(door.allowed.values()) == ["ab" * 8]


def test_users_are_names_or_numbers_and_unknown_ones_are_passed_over() -> None:
    def entry(user: str | None) -> AppEntry:
        return AppEntry(name="x", source="t", spec=App(user=user), argv=("x",))

    root = pwd.getpwuid(0).pw_name
    assert users_of([entry(None), entry(root), entry("4711"), entry("no-such-user-here")]) == {0, 4711}
