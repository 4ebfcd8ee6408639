"""The server over real sockets, with peers of good and bad manners."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from signal_bus import limits
from signal_bus.client import SignalClient
from signal_bus.codec import Form, decode, encode
from signal_bus.delegate import Admission, ExitFacts, Peer, Refusal, TcpDoor
from signal_bus.environment import Settings
from signal_bus.errors import Busy, Gone, NotJoined, RemoteError, TimedOut, Unreachable
from signal_bus.identity import Identity, load_or_create
from signal_bus.ids import CurveKey, Generation, SeqId, Session
from signal_bus.kinds import SERVER_KINDS
from signal_bus.messages import (
    Closing,
    Error,
    EventNote,
    Exited,
    Hello,
    Offer,
    Ok,
    Ping,
    Pong,
    Prepare,
    Ready,
    Refuse,
    Reload,
    Shutdown,
    Welcome,
)
from signal_bus.reactor import Channel, Socket
from signal_bus.server import SignalServer
from signal_bus.testing import (
    RawPeer,
    RecordingDelegate,
    apps_endpoint,
    events_endpoint,
    operators_endpoint,
    serving,
    settings_for,
    until,
)
from signal_bus.tokens import curve_of

HOST = Identity(b"h" * 32)
LAPTOP = Identity(b"l" * 32)


async def test_a_ping_is_timed_to_the_app_and_back(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), SignalClient(settings_for(short_tmp)):
        assert 0 < await server.ping(7, 5.0) < 5.0


async def test_nobody_there_is_known_at_once(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _):
        with pytest.raises(NotJoined):
            await server.ping(7, 5.0)


async def test_no_answer_is_a_passed_deadline(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as peer:
        await peer.join()
        with pytest.raises(TimedOut):
            await server.ping(7, 0.05)
        peer.send(encode(Pong(), re=(await peer.receive()).envelope.id))
        await until(lambda: server.counters().get("late-answers"))


async def test_an_exit_fails_what_waits_at_once_and_is_told_to_who_asked(short_tmp: Path) -> None:
    async with (
        serving(short_tmp) as (server, told),
        RawPeer(apps_endpoint(short_tmp)) as peer,
        SignalClient(settings_for(short_tmp, seq=8), wants=("exited",)) as other,
    ):
        heard: list[Exited] = []
        other.on_exited(heard.append)
        await peer.join()
        await peer.ask(Offer(name="web", address="x"), request="o")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(waits_in_vain(server))
            await peer.receive()
            server.exited(7, 1, ExitFacts(signal=9, runtime_s=1.5, last_lines=("x" * 5000,), next="in 1 s"))
        assert isinstance(waiting.result(), Gone)
        assert server.services.find(now=0.0) == ()
        assert len(told.named("services_changed")) == 2
        await until(lambda: heard)
        assert (heard[0].seq, heard[0].signal, len(heard[0].last_lines[0])) == (7, 9, 1024)
        with pytest.raises(NotJoined):
            await server.ping(7, 1.0)


async def waits_in_vain(server: SignalServer) -> Exception | None:
    try:
        await server.ping(7, 60.0)
    except Gone as exc:
        return exc
    return None


async def test_the_exit_of_an_older_launch_leaves_the_newer_alone(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), SignalClient(settings_for(short_tmp, generation=2)):
        server.exited(7, 1, ExitFacts(code=0))
        assert await server.ping(7, 5.0) > 0


async def test_shutdown_prepare_and_reload_wait_for_their_answer(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as peer:
        await peer.join()
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(server.shutdown(7, 5.0, cap=20.0))
            order = await peer.receive()
            assert order.body == Shutdown(deadline_s=5.0, cap_s=20.0)
            assert order.envelope.dl == 5000
            peer.send(encode(Closing(extend_s=3.0), Form.JSON, re=order.envelope.id))
            assert (await asked).extend_s == 3.0
            group.create_task(refused_prepare(server))
            order = await peer.receive()
            assert isinstance(order.body, Prepare)
            assert order.form is Form.JSON  # it answered in JSON, so it is asked in JSON
            peer.send(encode(Pong(), re=order.envelope.id))
            group.create_task(server.reload(7, {"a": 1}, 5.0))
            order = await peer.receive()
            assert order.body == Reload(changes={"a": 1})
            peer.send(b'{"t":"reloaded","re":"' + order.envelope.id.encode() + b'"}')


async def refused_prepare(server: SignalServer) -> None:
    with pytest.raises(RemoteError, match="answered prepare with pong"):
        await server.prepare(7, 5.0)


async def test_requests_to_one_client_are_bounded(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as peer:
        await peer.join()
        async with asyncio.TaskGroup() as group:
            for _ in range(limits.REQUESTS_PER_CLIENT):
                group.create_task(waits_in_vain(server))
            await until(lambda: len(peer.received) == limits.REQUESTS_PER_CLIENT)
            with pytest.raises(Busy):
                await server.ping(7, 1.0)
            server.exited(7, 1, ExitFacts(code=0))


async def test_a_stopping_server_answers_who_still_waits(short_tmp: Path) -> None:
    async with RawPeer(apps_endpoint(short_tmp)) as peer, asyncio.TaskGroup() as group:
        async with serving(short_tmp) as (server, _):
            await peer.join()
            task = group.create_task(stopped_while_waiting(server))
            await peer.receive()
        assert await task


async def stopped_while_waiting(server: SignalServer) -> bool:
    try:
        await server.ping(7, 60.0)
    except Exception as exc:
        return "stopped" in str(exc)
    return False


# Bad manners.


async def test_garbage_in_any_shape_leaves_the_server_serving(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(apps_endpoint(short_tmp)) as peer:
        for junk in (b"", b"\0" * 100, b"{", b'{"t":7}', b"\xdd\xff\xff\xff\xff", b"\x81" * 1000):
            peer.send(junk)
            answer = await peer.receive()
            assert isinstance(answer.body, Error)
        assert isinstance((await peer.join()).body, Welcome)
        assert server.counters()["bad-message"] == 6


async def test_a_process_of_another_app_cannot_speak_for_this_one(short_tmp: Path) -> None:
    delegate = RecordingDelegate()

    def only_another(hello: Hello, peer: Peer) -> Admission | Refusal:
        return Refusal("wrong-process", f"process {peer.pid} is not of app {hello.seq}")

    delegate.admission = only_another
    async with serving(short_tmp, delegate), RawPeer(apps_endpoint(short_tmp)) as thief:
        answer = await thief.join()
        assert isinstance(answer.body, Refuse)
        assert answer.envelope.err is not None
        assert answer.envelope.err.code == "wrong-process"


async def test_a_client_that_never_reads_is_dropped_and_others_are_served(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told), SignalClient(settings_for(short_tmp, seq=8)):
        context: zmq.Context[Socket] = zmq.Context()
        deaf = context.socket(zmq.DEALER)
        deaf.rcvhwm = 1
        deaf.linger = 0
        deaf.connect(apps_endpoint(short_tmp))
        hello = Hello(session=Session("deaf-one"), seq=SeqId(7), generation=Generation(1), wants=("event",))
        deaf.send(encode(hello))
        await told.told("registered", 2)
        for number in range(200):
            server.publish({"type": "flood", "text": "x" * 50_000, "number": number})
            assert await server.ping(8, 5.0) < 5.0
        await until(lambda: flooded(server))
        assert server.counters()["events-not-taken"] > 0
        before = len(told.named("lost"))
        assert dropped(server)
        assert len(told.named("lost")) == before + 1
        assert await server.ping(8, 5.0) < 5.0
        deaf.close()
        context.term()


def flooded(server: SignalServer) -> bool:
    server.publish({"type": "flood", "text": "x" * 50_000})
    return server.counters().get("events-not-taken", 0) > 0


def dropped(server: SignalServer) -> bool:
    """What may not be lost is sent to it until its full queue shows; bounded by the queue."""
    client = server.registry.get(SeqId(7))
    assert client is not None
    sent = 0
    while server.registry.at(client.link) is client and sent <= limits.QUEUE_MESSAGES:
        server._clients.push(client, encode(Ping()))
        sent += 1
    return server.registry.at(client.link) is None


async def test_a_thousand_clients_at_once_get_their_own_ids(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told):
        context: zmq.Context[Socket] = zmq.Context()
        context.max_sockets = 2000
        welcomed: dict[int, Welcome] = {}
        sockets: list[Socket] = []
        channels: list[Channel] = []
        for seq in range(1, 1001):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            sockets.append(socket)
            channels.append(Channel(socket, taker(seq, welcomed)))
            socket.connect(apps_endpoint(short_tmp))
            hello = Hello(session=Session(f"session-{seq}"), seq=SeqId(seq), generation=Generation(1))
            channels[-1].send((encode(hello),))
        await until(lambda: len(welcomed) == 1000, deadline_s=60.0)
        assert all(welcome.seq == seq for seq, welcome in welcomed.items())
        assert len(told.named("registered")) == 1000
        assert max(welcome.beat_s for welcome in welcomed.values()) == pytest.approx(10.0)
        for seq in range(1, 1001):
            server.exited(seq, 1, ExitFacts(signal=9))
        counters = server.counters()
        assert (counters["clients"], counters["apps-links"]) == (0, 0)
        for channel in channels:
            channel.close()
        context.term()


def taker(seq: int, welcomed: dict[int, Welcome]) -> Callable[[Socket], None]:
    def take(socket: Socket) -> None:
        body = decode(socket.recv(zmq.NOBLOCK), SERVER_KINDS).body
        assert isinstance(body, Welcome)
        welcomed[seq] = body

    return take


async def test_silence_is_noticed_and_a_broken_connection_with_it(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TICK_S", 0.02)
    monkeypatch.setattr(limits, "BEAT_MIN_S", 0.05)
    async with serving(short_tmp) as (_, told):
        async with RawPeer(apps_endpoint(short_tmp)) as peer:
            await peer.join()
            assert (await told.told("health"))[2] == "suspect"
            assert isinstance((await peer.receive()).body, Ping)  # is it still there?
            assert (await told.told("health", 2))[2] == "silent"
        await peer_gone(told)


async def peer_gone(told: RecordingDelegate) -> None:
    assert not told.named("lost")  # it was there when it was asked; an exit is for the kernel to tell


async def test_a_broken_connection_is_noticed_by_the_probe(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TICK_S", 0.02)
    monkeypatch.setattr(limits, "BEAT_MIN_S", 0.05)
    async with serving(short_tmp) as (_, told):
        async with RawPeer(apps_endpoint(short_tmp)) as peer:
            await peer.join()
        assert await told.told("lost") == (7, 1)


# Events.


async def test_subscribers_get_events_by_topic_with_their_cursor(short_tmp: Path) -> None:
    async with (
        serving(short_tmp) as (server, _),
        SignalClient(settings_for(short_tmp), wants=("event",)) as bus,
    ):
        heard: list[EventNote] = []
        bus.on_event(heard.append)
        context: zmq.Context[Socket] = zmq.Context()
        subscriber = context.socket(zmq.SUB)
        subscriber.subscribe(b"app.")
        subscriber.connect(events_endpoint(short_tmp))
        got: list[list[bytes]] = []
        channel = Channel(subscriber, lambda socket: got.append(socket.recv_multipart(zmq.NOBLOCK)))

        def published() -> bool:
            server.publish({"type": "daemon.up"})
            server.publish({"type": "app.exited", "cursor": 0, "seq": 7})
            return bool(got)

        await until(published)
        topic, data = got[0]
        note = decode(data, SERVER_KINDS).body
        assert isinstance(note, EventNote)
        assert (topic, note.topic, note.data["seq"]) == (b"app.exited", "app.exited", 7)
        assert note.cursor > 0
        await until(lambda: heard)
        assert heard[0].topic == "daemon.up"
        channel.close()
        context.term()


async def test_an_event_that_is_too_large_is_cut_not_lost(short_tmp: Path) -> None:
    async with (
        serving(short_tmp) as (server, _),
        SignalClient(settings_for(short_tmp), wants=("event",)) as bus,
    ):
        heard: list[EventNote] = []
        bus.on_event(heard.append)
        server.publish({"topic": "big", "text": "x" * limits.TEXT_BYTES, "cursor": 41})
        await until(lambda: heard)
        assert (heard[0].topic, heard[0].cursor) == ("big", 41)
        assert "cut" in heard[0].data


# Other hosts.


def tcp_door(*allowed: Identity) -> TcpDoor:
    return TcpDoor(endpoint="tcp://127.0.0.1:*", allowed={i.curve().public: "laptop" for i in allowed})


def remote(server: SignalServer, identity_file: Path, *, key: CurveKey | None = None) -> Settings:
    assert server.tcp_endpoint is not None
    return Settings(
        endpoint=server.tcp_endpoint,
        seq=SeqId(9),
        generation=Generation(1),
        server_key=key or HOST.curve().public,
        identity=str(identity_file),
    )


async def test_an_allowed_host_joins_over_curve_and_is_heard_no_more_once_revoked(
    short_tmp: Path, tmp_path: Path
) -> None:
    laptop = load_or_create(tmp_path / "identity")
    async with (
        serving(short_tmp, tcp=tcp_door(laptop), identity=HOST) as (server, told),
        SignalClient(remote(server, tmp_path / "identity")) as bus,
    ):
        assert await server.ping(9, 5.0) > 0
        peer, endpoint = told.peers[0], server.tcp_endpoint
        assert (peer.door, peer.pid, peer.user) == ("tcp", None, laptop.curve().public.hex())
        await server.revoke(laptop.curve().public)
        assert told.named("lost") == [(9, 1)]
        assert server.tcp_endpoint == endpoint
        await until(lambda: not bus.joined)
        await asyncio.sleep(0.3)  # time in which it tries again, in vain
        assert not bus.joined
        server.allow(laptop.curve().public, "laptop")
        await until(lambda: bus.joined)
        assert await server.ping(9, 5.0) > 0


async def test_a_revoked_host_is_unheard_even_on_a_connection_that_lives(short_tmp: Path) -> None:
    async with serving(short_tmp, tcp=tcp_door(LAPTOP), identity=HOST) as (server, _):
        assert server.tcp_endpoint is not None
        curve = LAPTOP.curve()
        async with RawPeer(server.tcp_endpoint, curve=curve, server_key=HOST.curve().public) as peer:
            assert isinstance((await peer.ask(Ping())).body, Pong)
            server._allowed.remove(curve.public)  # as `revoke`, before it opens the door anew
            peer.send(encode(Ping(), request="2"))
            await until(lambda: server.counters()["tcp-dropped"] == 1)
            assert not peer.received


async def test_a_key_that_was_forbidden_is_unheard_and_disturbs_no_other(short_tmp: Path) -> None:
    async with serving(short_tmp, tcp=tcp_door(LAPTOP), identity=HOST) as (server, _):
        assert server.tcp_endpoint is not None
        launch = curve_of("ab" * 32)
        server.allow(launch.public, "app/7.1")
        async with (
            RawPeer(server.tcp_endpoint, curve=launch, server_key=HOST.curve().public) as peer,
            RawPeer(server.tcp_endpoint, curve=LAPTOP.curve(), server_key=HOST.curve().public) as other,
        ):
            assert isinstance((await peer.ask(Ping())).body, Pong)
            assert isinstance((await other.ask(Ping())).body, Pong)
            server.forbid(launch.public)
            peer.send(encode(Ping(), request="2"))
            await until(lambda: server.counters()["tcp-dropped"] == 1)
            assert isinstance((await other.ask(Ping())).body, Pong)


async def test_a_stranger_and_a_plain_peer_get_no_word(short_tmp: Path) -> None:
    async with serving(short_tmp, tcp=tcp_door(LAPTOP), identity=HOST) as (server, told):
        assert server.tcp_endpoint is not None
        stranger = Identity(b"s" * 32).curve()
        async with (
            RawPeer(server.tcp_endpoint, curve=stranger, server_key=HOST.curve().public) as one,
            RawPeer(server.tcp_endpoint) as two,
        ):
            one.send(encode(Ping()))
            two.send(encode(Ping()))
            await until(lambda: server.counters()["connections-refused"] >= 1)
            assert not one.received
            assert not two.received
        assert not told.peers


async def test_a_false_server_learns_nothing(short_tmp: Path, tmp_path: Path) -> None:
    laptop = load_or_create(tmp_path / "identity")
    async with serving(short_tmp, tcp=tcp_door(laptop), identity=HOST) as (server, told):
        wrong = remote(server, tmp_path / "identity", key=LAPTOP.curve().public)
        with pytest.raises(Unreachable, match="the connection broke"):
            await SignalClient(wrong, patience=0.5).__aenter__()
        assert not told.peers


async def test_an_operator_may_ping_and_not_pose_as_an_app(short_tmp: Path) -> None:
    async with serving(short_tmp), RawPeer(operators_endpoint(short_tmp)) as operator:
        assert isinstance((await operator.ask(Ping())).body, Pong)
        answer = await operator.ask(Ready(), request="2")
        assert answer.envelope.err is not None
        assert answer.envelope.err.code == "not-permitted"


async def test_both_forms_are_spoken(short_tmp: Path) -> None:
    async with serving(short_tmp), RawPeer(apps_endpoint(short_tmp)) as peer:
        await peer.join()
        answer = await peer.ask(Ready(), request="j", form=Form.JSON)
        assert isinstance(answer.body, Ok)
        assert answer.form is Form.JSON
