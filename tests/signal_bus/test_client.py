"""A program on the bus, over real sockets."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from signal_bus import limits
from signal_bus.client import SignalClient
from signal_bus.delegate import Refusal
from signal_bus.errors import BusError, NotSupervised, Refused, RemoteError, TimedOut, Unreachable
from signal_bus.testing import RecordingDelegate, apps_endpoint, serving, settings_for, until


async def test_a_client_from_the_environment_joins_and_leaves(short_tmp: Path) -> None:
    environ = {"VISCRIPT_ENDPOINT": apps_endpoint(short_tmp), "VISCRIPT_SEQ": "7", "VISCRIPT_GENERATION": "2"}
    async with serving(short_tmp) as (server, told):
        async with SignalClient.from_env(environ, name="demo") as bus:
            assert (bus.seq, bus.generation, bus.joined) == (7, 2, True)
            hello = (await told.told("registered"))[2]
            assert (hello.name, hello.resume) == ("demo", False)
            assert await bus.ping() > 0
        assert (await told.told("bye"))[:2] == (7, 2)
        assert not bus.joined
        with pytest.raises(BusError):
            await bus.ready()
        assert server.counters()["apps-links"] <= 1


def test_a_program_started_by_hand_is_told_so() -> None:
    with pytest.raises(NotSupervised):
        SignalClient.from_env({})


async def test_without_a_daemon_entering_fails_in_its_time(short_tmp: Path) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(Unreachable, match=r"apps\.ipc"):
        await SignalClient(settings_for(short_tmp), patience=0.2).__aenter__()
    assert loop.time() - started < 2.0


async def test_a_patient_program_starts_before_its_daemon(short_tmp: Path) -> None:
    async with SignalClient(settings_for(short_tmp), patience=None) as bus, asyncio.TaskGroup() as group:
        group.create_task(bus.ready({"http": "x"}))  # waits for the server
        async with serving(short_tmp) as (_, told):
            assert await told.told("ready") == (7, 1, {"http": "x"})
            await asyncio.sleep(0)


async def test_a_refused_program_is_told_why_and_does_not_try_again(short_tmp: Path) -> None:
    delegate = RecordingDelegate()
    delegate.admission = lambda hello, peer: Refusal("stale", "a newer launch exists")
    async with serving(short_tmp, delegate):
        with pytest.raises(Refused, match="stale: a newer launch exists"):
            await SignalClient(settings_for(short_tmp)).__aenter__()
        assert len(delegate.peers) == 1


async def test_a_program_refused_for_now_tries_again(short_tmp: Path) -> None:
    delegate = RecordingDelegate()

    def second_time(hello: object, peer: object) -> Refusal:
        delegate.admission = None
        return Refusal("wrong-process", "not known yet", retry=True)

    delegate.admission = second_time
    async with serving(short_tmp, delegate), SignalClient(settings_for(short_tmp)) as bus:
        assert bus.joined


async def test_all_a_program_says_reaches_the_daemon(short_tmp: Path) -> None:
    async with serving(short_tmp) as (_, told), SignalClient(settings_for(short_tmp)) as bus:
        await bus.ready({"http": "127.0.0.1:80"})
        await bus.state("degraded", "disk")
        await bus.event("cache.full", {"n": 1})
        bus.usage({"queue": 3})
        assert (await told.told("ready"))[2] == {"http": "127.0.0.1:80"}
        assert (await told.told("state"))[2:] == ("degraded", "disk")
        assert (await told.told("event"))[2:] == ("cache.full", {"n": 1})
        assert (await told.told("usage"))[2] == {"queue": 3}


async def test_services_are_offered_found_and_withdrawn(short_tmp: Path) -> None:
    async with serving(short_tmp), SignalClient(settings_for(short_tmp)) as bus:
        await bus.offer("web", "127.0.0.1:80", kind="http", meta={"v": "1"})
        (found,) = await bus.find(kind="http")
        assert (found.name, found.address, found.seq, found.meta) == ("web", "127.0.0.1:80", 7, {"v": "1"})
        await bus.withdraw("web", kind="http")
        assert await bus.find() == ()


async def test_beats_tell_of_work_and_lateness(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BEAT_MIN_S", 0.02)
    async with serving(short_tmp) as (server, _), SignalClient(settings_for(short_tmp)) as bus:
        bus.work()
        bus.work(4)
        (client,) = server.registry
        await until(lambda: client.work == 5)
        assert client.lag_s < 1.0


async def test_after_a_restart_of_the_daemon_everything_is_as_before(short_tmp: Path) -> None:
    async with serving(short_tmp) as (_, told):
        bus = await SignalClient(settings_for(short_tmp)).__aenter__()
        session = (await told.told("registered"))[2].session
        await bus.ready({"http": "x"})
        await bus.state("degraded")
        await bus.offer("web", "x")
    await until(lambda: not bus.joined)
    async with serving(short_tmp) as (server, told):
        hello = (await told.told("registered"))[2]
        assert (hello.resume, hello.session) == (True, session)
        assert (await told.told("ready"))[2] == {"http": "x"}
        await told.told("state")
        await told.told("services_changed")
        assert await server.ping(7, 5.0) > 0
        await bus.__aexit__(None, None, None)


async def test_a_request_over_a_restart_is_answered(short_tmp: Path) -> None:
    async with asyncio.TaskGroup() as group:
        async with serving(short_tmp):
            bus = await SignalClient(settings_for(short_tmp)).__aenter__()
        asked = group.create_task(bus.event("while.away"))
        await asyncio.sleep(0)
        async with serving(short_tmp) as (_, told):
            await asked
            assert len(told.named("event")) == 1
            await bus.__aexit__(None, None, None)


async def test_a_request_has_a_deadline_when_nobody_comes_back(short_tmp: Path) -> None:
    async with serving(short_tmp):
        bus = await SignalClient(settings_for(short_tmp)).__aenter__()
    with pytest.raises(TimedOut):
        await bus.ping(0.05)
    await bus.__aexit__(None, None, None)


async def test_a_client_the_server_forgot_joins_again_on_the_same_connection(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told), SignalClient(settings_for(short_tmp)) as bus:
        (client,) = server.registry
        server._clients.lose(client, "it seemed not to read")
        await bus.event("still.here")  # answered `not-joined`, asked again after the welcome
        assert len(told.named("registered")) == 2
        assert len(told.named("event")) == 1


# Ending.


async def test_hooks_run_newest_first_and_stopped_returns(short_tmp: Path) -> None:
    order: list[str] = []
    async with serving(short_tmp) as (server, told), SignalClient(settings_for(short_tmp)) as bus:

        @bus.on_shutdown
        def first() -> None:
            order.append("first")

        @bus.on_shutdown
        async def second() -> None:
            order.append("second")
            raise RuntimeError("the other hooks still run")

        closing = await server.shutdown(7, 5.0)
        assert closing.extend_s == 0.0
        assert bus.stopping
        await bus.stopped()
        assert order == ["second", "first"]
    await told.told("bye")


async def test_a_program_without_hooks_is_left_quietly(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told):
        async with asyncio.TaskGroup() as group:
            program = group.create_task(endless(short_tmp))
            await told.told("registered")
            await server.shutdown(7, 5.0)
        assert program.result() == "left"
        await told.told("bye")


async def endless(folder: Path) -> str:
    async with SignalClient(settings_for(folder)):
        await asyncio.Event().wait()
    return "left"


async def test_a_cancelled_program_stays_cancelled(short_tmp: Path) -> None:
    async with serving(short_tmp) as (_, told), asyncio.TaskGroup() as group:
        program = group.create_task(endless(short_tmp))
        await told.told("registered")
        program.cancel()
        with pytest.raises(asyncio.CancelledError):
            await program
        await told.told("bye")


async def test_what_the_body_raises_comes_out_as_it_is(short_tmp: Path) -> None:
    async with serving(short_tmp):
        with pytest.raises(ZeroDivisionError):
            async with SignalClient(settings_for(short_tmp)):
                raise ZeroDivisionError


async def test_hooks_are_ended_at_the_cap_whatever_they_ask(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(short_tmp) as (server, told), SignalClient(settings_for(short_tmp)) as bus:
        given: list[float] = []

        @bus.on_shutdown
        async def slow() -> None:
            given.append(bus.extend(1000.0))
            await asyncio.Event().wait()

        assert bus.extend(1.0) == 0.0  # nobody asked us to end
        await server.shutdown(7, 0.05, cap=0.2)
        assert 0.0 < (await told.told("closing"))[2].extend_s <= 0.2
        with caplog.at_level(logging.WARNING):
            await bus.stopped()
        assert 0.0 < given[0] <= 0.2
        assert "not done in time" in caplog.text


# Being asked.


async def test_methods_are_described_called_and_their_faults_told(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), SignalClient(settings_for(short_tmp)) as bus:

        @bus.method
        def add(a: int, b: int = 2) -> int:
            """Add two numbers."""
            return a + b

        @bus.method
        async def broken() -> None:
            raise RuntimeError("oh no")

        (method, _) = await server.describe(7)
        assert (method.name, method.summary) == ("add", "Add two numbers.")
        assert await server.call(7, "add", {"a": 40}, 5.0) == 42
        for name, code in (("nothing", "no-method"), ("add", "bad-params"), ("broken", "failed")):
            with pytest.raises(RemoteError) as caught:
                await server.call(7, name, None, 5.0)
            assert caught.value.code == code


async def test_events_are_paced_to_what_the_server_takes(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOISE_BURST", 20.0)
    async with serving(short_tmp) as (server, told), SignalClient(settings_for(short_tmp)) as bus:
        for number in range(40):
            await bus.event("x", {"number": number})
        assert len(told.named("event")) == 40
        assert "rate-limited" not in server.counters()


def test_what_named_the_token_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISCRIPT_ENDPOINT", "ipc:///nowhere")
    monkeypatch.setenv("VISCRIPT_TOKEN_FD", "50")
    SignalClient.from_env()
    assert "VISCRIPT_TOKEN_FD" not in os.environ
    given = {"VISCRIPT_ENDPOINT": "ipc:///nowhere", "VISCRIPT_TOKEN_FD": "50"}
    SignalClient.from_env(given)
    assert given["VISCRIPT_TOKEN_FD"] == "50"  # another environment is not ours to change
