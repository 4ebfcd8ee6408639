"""What is done to an instance that runs."""

import os
from collections.abc import Awaitable, Callable

import pytest

from tests.support.supervision import Bench
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.keeper_port import KeeperError


async def test_send_to_a_service_says_that_it_reads_nothing(bench: Bench) -> None:
    bench.app("web", daemon=True)
    await bench.supervisor.start("web")
    with pytest.raises(VerbError, match="/dev/null"):
        await bench.supervisor.send(1, b"x")


@pytest.mark.parametrize("asked", ["signal", "send", "resize", "ping", "call", "stop", "restart"])
async def test_an_id_that_nobody_has_is_not_found(bench: Bench, asked: str) -> None:
    supervisor = bench.supervisor
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "signal": lambda: supervisor.signal(9, 15),
        "send": lambda: supervisor.send(9, b"x"),
        "resize": lambda: supervisor.resize(9, 80, 24),
        "ping": lambda: supervisor.ping(9),
        "call": lambda: supervisor.call(9, "m", None, 1.0),
        "stop": lambda: supervisor.stop(9),
        "restart": lambda: supervisor.restart(9),
    }
    with pytest.raises(VerbError, match="no app has the id 9") as caught:
        await asks[asked]()
    assert caught.value.code is ExitCode.NOT_FOUND


async def test_what_has_no_process_cannot_be_touched(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    with pytest.raises(VerbError, match="stopped: it has no process") as caught:
        await bench.supervisor.signal(1, 15)
    assert caught.value.code is ExitCode.NOT_HEALTHY


async def test_a_signal_goes_to_the_leader_or_to_all(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.signal(1, 10)
    await bench.supervisor.signal(1, 12, tree=True)
    assert bench.keeper.asked("signal") == [
        {"seq": 1, "signum": 10, "tree": False},
        {"seq": 1, "signum": 12, "tree": True},
    ]


async def test_input_reaches_the_app(bench: Bench) -> None:
    bench.app("web", stdin="pipe")
    await bench.supervisor.start("web")
    assert await bench.supervisor.send(1, b"\x00\xff") > 0
    assert bench.keeper.asked("write") == [{"seq": 1, "data": "AP8="}]


async def test_a_terminal_is_told_its_size(bench: Bench) -> None:
    bench.app("top", tty=True)
    await bench.supervisor.start("top")
    await bench.supervisor.resize(1, 120, 40)
    assert bench.keeper.asked("resize") == [{"seq": 1, "cols": 120, "rows": 40}]


async def test_a_refusal_of_the_keeper_is_the_verbs_error(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.keeper.refuse["signal"] = KeeperError("not-permitted", "cannot signal 12: Operation not permitted")
    with pytest.raises(VerbError, match="cannot signal 12") as caught:
        await bench.supervisor.signal(1, 9)
    assert caught.value.code is ExitCode.FAILED


async def test_a_plain_program_is_pinged_by_looking_at_its_process(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.held().pid = os.getpid()
    pong = await bench.supervisor.ping(1)
    assert (pong.kind, pong.seconds is not None) == ("process", True)
    bench.held().pid = 2**22 - 1
    assert (await bench.supervisor.ping(1)).seconds is None


async def test_a_client_is_pinged_called_and_described_over_the_bus(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    with pytest.raises(VerbError, match="plain program"):
        await bench.supervisor.call(1, "m", None, 1.0)
    bench.held().registered = True
    assert (await bench.supervisor.ping(1)).kind == "bus"
    bench.bus.seconds = None
    assert (await bench.supervisor.ping(1)).seconds is None
    assert await bench.supervisor.call(1, "m", {"a": 1}, 1.0) == {"seq": 1, "method": "m", "params": {"a": 1}}
    assert "methods" in await bench.supervisor.describe(1)


# Waiting.
