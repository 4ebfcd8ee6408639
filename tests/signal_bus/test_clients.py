"""The apps' door without sockets: links that remember what they were sent."""

from collections import Counter

import msgspec
import pytest

from signal_bus import limits
from signal_bus.clients import ClientDesk
from signal_bus.codec import Form, Packet, decode, encode
from signal_bus.delegate import Admission, Peer, Refusal
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.kinds import SERVER_KINDS
from signal_bus.messages import (
    Beat,
    Body,
    Bye,
    Closing,
    EventNote,
    Fence,
    Find,
    Found,
    Hello,
    Lease,
    Offer,
    Ok,
    Ping,
    Pong,
    Ready,
    Refuse,
    StateNote,
    UsageNote,
    VerbRequest,
    Welcome,
    Withdraw,
)
from signal_bus.pending import Pending
from signal_bus.reactor import Sent
from signal_bus.registry import Phase, Registry
from signal_bus.services import Services
from signal_bus.testing import ManualClock, RecordingDelegate


class FakeLink:
    """A connection that remembers."""

    def __init__(self, number: int, pid: int = 100) -> None:
        self.form = Form.MSGPACK
        self.peer = Peer(door="apps", uid=1, gid=1, pid=pid)
        self.number = number
        self.sent: list[bytes] = []
        self.result = Sent.OK
        self.forgotten = False

    def send(self, data: bytes) -> Sent:
        if self.result is Sent.OK:
            self.sent.append(data)
        return self.result

    def settle(self) -> None:
        self.forgotten = False

    def forget(self) -> None:
        self.forgotten = True

    def answer(self) -> Packet:
        """The newest message to it."""
        return decode(self.sent[-1], SERVER_KINDS)


class Desk:
    """A desk and all it works with."""

    def __init__(self) -> None:
        self.requests = 0
        self.clock = ManualClock()
        self.told = RecordingDelegate()
        self.registry = Registry()
        self.services = Services()
        self.counters: Counter[str] = Counter()
        self.pending = Pending("s")
        self.desk = ClientDesk(
            home_id="home",
            registry=self.registry,
            services=self.services,
            pending=self.pending,
            delegate=self.told,
            clock=self.clock,
            counters=self.counters,
        )

    def say(self, link: FakeLink, body: Body, *, request: str | None = None, src: str = "") -> Packet:
        self.requests += 1
        request = f"r{self.requests}" if request is None else request
        self.desk.handle(link, encode(body, link.form, request=request, src=src))
        return link.answer()

    def joined(
        self, number: int = 1, seq: int = 7, generation: int = 1, session: str = "session-1", pid: int = 100
    ) -> FakeLink:
        link = FakeLink(number, pid)
        assert isinstance(self.say(link, hello(seq, generation, session)).body, Welcome)
        return link


@pytest.fixture
def desk() -> Desk:
    return Desk()


def hello(seq: int = 7, generation: int = 1, session: str = "session-1") -> Hello:
    return Hello(seq=SeqId(seq), generation=Generation(generation), session=Session(session))


def code(packet: Packet) -> str:
    assert packet.envelope.err is not None
    return packet.envelope.err.code


def test_a_welcome_says_who_you_are_and_how_often_to_beat(desk: Desk) -> None:
    answer = desk.say(FakeLink(1), hello())
    assert answer.envelope.re == "r1"
    assert answer.body == Welcome(seq=SeqId(7), generation=Generation(1), home="home")
    assert desk.told.named("registered")[0][:2] == (7, 1)


def test_json_is_answered_in_json(desk: Desk) -> None:
    link = FakeLink(1)
    desk.desk.handle(link, encode(hello(), Form.JSON, request="1"))
    assert link.sent[-1].startswith(b'{"t":"welcome"')


def test_the_same_hello_again_is_answered_the_same(desk: Desk) -> None:
    link = desk.joined()
    assert isinstance(desk.say(link, hello()).body, Welcome)
    assert len(desk.registry) == 1


def test_a_second_process_of_the_same_launch_is_refused(desk: Desk) -> None:
    first = desk.joined()
    answer = desk.say(FakeLink(2, pid=101), hello(session="session-2"))
    assert isinstance(answer.body, Refuse)
    assert code(answer) == "duplicate"
    assert isinstance(first.answer().body, Ping)  # it was asked whether it is still there
    assert desk.registry.at(1) is not None


def test_a_replayed_hello_from_another_process_is_refused(desk: Desk) -> None:
    desk.joined()
    assert code(desk.say(FakeLink(2, pid=666), hello())) == "duplicate"


def test_a_second_process_takes_over_when_the_connection_of_the_first_is_gone(desk: Desk) -> None:
    first = desk.joined()
    first.result = Sent.GONE
    second = FakeLink(2, pid=101)
    assert isinstance(desk.say(second, hello(session="session-2")).body, Welcome)
    assert first.forgotten
    assert desk.told.named("lost") == [(7, 1)]
    assert code(desk.say(first_again(first), Ready())) == "not-joined"


def first_again(link: FakeLink) -> FakeLink:
    link.result = Sent.OK
    return link


def test_a_newer_launch_takes_over_and_the_older_one_is_heard_no_more(desk: Desk) -> None:
    old = desk.joined()
    desk.say(old, Offer(name="web", address="x"))
    new = desk.joined(2, generation=2, session="session-2", pid=200)
    assert len(desk.services) == 0
    assert code(desk.say(old, Ready())) == "not-joined"
    assert code(desk.say(FakeLink(3), hello())) == "stale"
    assert isinstance(desk.say(new, Ready()).body, Ok)


def test_one_connection_speaks_for_one_id(desk: Desk) -> None:
    link = desk.joined()
    assert code(desk.say(link, hello(seq=8, session="session-2"))) == "not-yours"
    assert code(desk.say(link, hello(seq=8))) == "not-yours"
    assert len(desk.registry) == 1


def test_speaking_for_another_id_is_refused(desk: Desk) -> None:
    link = desk.joined()
    assert code(desk.say(link, Ready(), src="8.1")) == "not-yours"
    assert code(desk.say(link, Ready(), src="7.2")) == "not-yours"
    assert isinstance(desk.say(link, Ready(), src="7.1").body, Ok)
    data = msgspec.json.encode({"t": "ready", "id": "1", "dst": "8"})
    desk.desk.handle(link, data)
    assert code(link.answer()) == "not-yours"


def test_an_app_that_sends_a_verb_gets_not_permitted_and_nothing_else(desk: Desk) -> None:
    link = desk.joined()
    before = len(link.sent)
    assert code(desk.say(link, VerbRequest(argv=("shutdown", "all")))) == "not-permitted"
    assert len(link.sent) == before + 1
    assert not desk.told.named("verb")


def test_an_unknown_kind_is_answered_never_ignored(desk: Desk) -> None:
    link = FakeLink(1)
    desk.desk.handle(link, b'{"t":"teleport","id":"5"}')
    assert code(link.answer()) == "unsupported"
    assert link.answer().envelope.re == "5"
    assert link.answer().form is Form.JSON


def test_garbage_is_answered_and_counted(desk: Desk) -> None:
    link = FakeLink(1)
    desk.desk.handle(link, b"\xff\xfe garbage")
    assert code(link.answer()) == "bad-message"
    assert desk.counters["bad-message"] == 1


@pytest.mark.parametrize("body", [Ready(), Beat(), Offer(name="x", address="y"), Find(), Bye(), UsageNote()])
def test_who_has_not_said_hello_is_told_to(desk: Desk, body: Body) -> None:
    assert code(desk.say(FakeLink(1), body)) == "not-joined"


def test_a_ping_is_answered_before_hello_too(desk: Desk) -> None:
    assert isinstance(desk.say(FakeLink(1), Ping()).body, Pong)


def test_the_delegate_decides_who_joins(desk: Desk) -> None:
    desk.told.admission = lambda hello, peer: Refusal("wrong-process", f"process {peer.pid} is not of app 7")
    answer = desk.say(FakeLink(1, pid=666), hello())
    assert isinstance(answer.body, Refuse)
    assert code(answer) == "wrong-process"
    assert desk.told.peers[0].pid == 666
    assert len(desk.registry) == 0


def test_a_program_nobody_launched_gets_the_id_the_delegate_gives_it(desk: Desk) -> None:
    assert code(desk.say(FakeLink(1), hello(seq=0))) == "not-allowed"
    desk.told.admission = lambda hello, peer: Admission(SeqId(42), Generation(1))
    answer = desk.say(FakeLink(1), hello(seq=0))
    assert isinstance(answer.body, Welcome)
    assert answer.body.seq == 42


def test_a_version_in_common_is_needed(desk: Desk) -> None:
    answer = desk.say(FakeLink(1), Hello(session=Session("session-1"), seq=SeqId(7), versions=(2, 3)))
    assert code(answer) == "no-version"


def test_what_a_client_says_of_itself_is_told(desk: Desk) -> None:
    link = desk.joined()
    desk.say(link, Ready(endpoints={"http": "x"}))
    desk.say(link, StateNote(word="degraded", reason="disk"))
    desk.say(link, UsageNote(figures={"queue": 3.0}))
    desk.say(link, EventNote(topic="cache.full", data={"n": 1}))
    desk.say(link, Closing(extend_s=5.0))
    desk.say(link, Beat(lag_s=0.5, work=12), request="")
    client = desk.registry.get(SeqId(7))
    assert client is not None
    assert (client.endpoints, client.word, client.reason) == ({"http": "x"}, "degraded", "disk")
    assert (client.lag_s, client.work) == (0.5, 12)
    assert [name for name, _ in desk.told.calls if name != "registered"] == [
        "ready",
        "state",
        "usage",
        "event",
        "closing",
    ]


def test_services_are_offered_found_and_withdrawn(desk: Desk) -> None:
    link = desk.joined()
    desk.say(link, Offer(name="web", type="http", address="127.0.0.1:80"))
    found = desk.say(desk.joined(2, seq=8, session="session-2"), Find(type="http")).body
    assert isinstance(found, Found)
    assert [(service.seq, service.address) for service in found.services] == [(7, "127.0.0.1:80")]
    desk.say(link, Withdraw(name="web", type="http"))
    assert len(desk.services) == 0
    assert len(desk.told.named("services_changed")) == 2


def test_too_many_services_are_refused(desk: Desk) -> None:
    link = desk.joined()
    for number in range(limits.SERVICES_PER_CLIENT):
        desk.say(link, Offer(name=f"s{number}", address="x"), request=f"o{number}")
    assert code(desk.say(link, Offer(name="one more", address="x"))) == "busy"


def test_a_goodbye_takes_the_services_along(desk: Desk) -> None:
    link = desk.joined()
    desk.say(link, Offer(name="web", address="x"))
    desk.say(link, Bye(reason="done"))
    assert len(desk.services) == 0
    assert desk.told.named("bye") == [(7, 1, "done")]
    client = desk.registry.get(SeqId(7))
    assert client is not None
    assert client.phase is Phase.LEFT


def test_a_retried_mutation_is_answered_the_same_and_done_once(desk: Desk) -> None:
    link = desk.joined()
    first = desk.say(link, EventNote(topic="paid"), request="e1")
    again = desk.say(link, EventNote(topic="paid"), request="e1")
    assert first == again
    rejoined = desk.joined(2)  # the same process after a broken connection
    desk.say(rejoined, EventNote(topic="paid"), request="e1")
    assert len(desk.told.named("event")) == 1
    assert desk.counters["replayed"] == 2


def test_a_mutation_that_was_denied_may_be_tried_again(desk: Desk) -> None:
    link = desk.joined()
    for number in range(limits.SERVICES_PER_CLIENT):
        desk.say(link, Offer(name=f"s{number}", address="x"), request=f"o{number}")
    assert code(desk.say(link, Offer(name="late", address="x"), request="late")) == "busy"
    desk.say(link, Withdraw(name="s0"), request="w")
    assert isinstance(desk.say(link, Offer(name="late", address="x"), request="late").body, Ok)


def test_a_flood_is_dropped_at_its_limit_and_pings_go_on(desk: Desk) -> None:
    link = desk.joined()
    for _ in range(int(2 * limits.NOISE_BURST)):
        desk.desk.handle(link, encode(EventNote(topic="x")))
    assert len(desk.told.named("event")) == limits.NOISE_BURST
    assert desk.counters["rate-limited"] == limits.NOISE_BURST
    assert len(link.sent) == 1  # the welcome: a flood is not answered by another
    assert isinstance(desk.say(link, Ping()).body, Pong)
    desk.clock.pass_(1.0)
    assert isinstance(desk.say(link, EventNote(topic="x"), request="later").body, Ok)


async def test_an_answer_of_another_client_is_not_taken(desk: Desk) -> None:
    desk.joined()
    other = desk.joined(2, seq=8, session="session-2")
    request, future = desk.pending.open(7, "ping")
    desk.desk.handle(other, encode(Pong(), re=request))
    assert not future.done()
    assert desk.counters["late-answers"] == 1
    future.cancel()


def test_an_answer_that_names_no_request_is_an_error(desk: Desk) -> None:
    assert code(desk.say(desk.joined(), Pong())) == "bad-message"


def test_a_client_that_stopped_reading_is_lost_but_an_event_may_be(desk: Desk) -> None:
    link = desk.joined()
    client = desk.registry.get(SeqId(7))
    assert client is not None
    link.result = Sent.FULL
    assert desk.desk.push(client, b"x", lossy=True) is Sent.FULL
    assert not desk.told.named("lost")
    assert desk.desk.push(client, b"x") is Sent.FULL
    assert desk.told.named("lost") == [(7, 1)]
    assert (desk.counters["events-not-taken"], desk.counters["lost"]) == (1, 1)
    assert desk.desk.push(client, b"x") is Sent.GONE
    assert len(desk.told.named("lost")) == 1


def test_a_client_whose_answers_pile_up_is_dropped(desk: Desk) -> None:
    link = desk.joined()
    link.result = Sent.FULL
    desk.desk.handle(link, encode(Ping(), request="1"))
    assert desk.told.named("lost") == [(7, 1)]
    desk.desk.handle(link, encode(Ping(), request="2"))  # a stranger now: nothing left to drop
    assert desk.counters["answers-not-taken"] == 2


def test_a_sign_of_life_ends_silence(desk: Desk) -> None:
    link = desk.joined()
    desk.clock.pass_(60.0)
    desk.registry.tick(desk.clock())
    desk.say(link, Beat(), request="")
    assert desk.told.named("health") == [(7, 1, "ok")]


def test_hellos_without_end_are_not_heard_for_a_while(desk: Desk) -> None:
    link, bystander = desk.joined(), desk.joined(2, seq=8, session="session-b", pid=200)
    for _ in range(int(limits.FAULTS_BURST) + 100):
        desk.desk.handle(link, encode(hello()))
    before = len(link.sent)
    desk.desk.handle(link, encode(hello()))
    desk.desk.handle(link, b"garbage")
    assert (len(link.sent), desk.counters["not-heard"] > 0) == (before, True)
    assert [args[0] for args in desk.told.named("refused")].count("not-heard") == 1
    assert isinstance(desk.say(bystander, Ping()).body, Pong)
    desk.clock.pass_(limits.MUTED_S)
    assert isinstance(desk.say(link, Ping()).body, Pong)


def test_another_connection_of_the_same_process_is_not_heard_either(desk: Desk) -> None:
    link, other = FakeLink(1), FakeLink(2)
    for _ in range(int(limits.FAULTS_BURST) + 100):
        desk.desk.handle(link, b"garbage")
    desk.desk.handle(other, encode(hello()))
    assert other.sent == []


def test_an_event_of_a_client_is_small(desk: Desk) -> None:
    link = desk.joined()
    large = EventNote(topic="x", data={"text": "x" * limits.SMALL_BYTES})
    assert code(desk.say(link, large, request="e")) == "too-large"
    assert desk.told.named("event") == []


def test_a_lock_is_asked_of_the_delegate_and_where_there_is_none_that_is_said(desk: Desk) -> None:
    link = desk.joined()
    packet = desk.say(link, Lease(name="x"))
    assert packet.envelope.err is not None
    assert "no locks" in packet.envelope.err.text
    desk.told.lease = lambda seq, generation, name, *, release: Fence(fence=seq)  # type: ignore[method-assign]  # a delegate with locks
    assert desk.say(link, Lease(name="x")).body == Fence(fence=7)
