"""The network comes back: what the kernel says about it, real and invented."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.links import interfaces as module
from components.visor.links.interfaces import NEW_ADDRESS, NEW_LINK, RUNNING, comes_up, watching
from signal_bus.testing import until
from tests.support.network import Network


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body + bytes(-len(body) % 4)


def link(flags: int) -> bytes:
    return message(NEW_LINK, struct.pack("=BBHiI", 0, 0, 1, 2, flags))


def test_an_interface_that_runs_and_a_new_address_are_news() -> None:
    assert comes_up(link(RUNNING))
    assert comes_up(message(NEW_ADDRESS, b""))
    assert comes_up(message(99, b"abc") + link(0) + link(RUNNING | 1))
    assert not comes_up(link(0))
    assert not comes_up(message(17, struct.pack("=BBHiI", 0, 0, 1, 2, RUNNING)))


def test_what_is_cut_short_is_no_news() -> None:
    whole = link(RUNNING)
    assert not any(comes_up(whole[:size]) for size in range(len(whole)))
    assert not comes_up(message(NEW_LINK, b"short"))


@given(st.binary(max_size=200))
def test_any_bytes_have_an_end(data: bytes) -> None:
    comes_up(data)


async def test_a_cable_that_is_mended_is_noticed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    calls: list[float] = []
    loop = asyncio.get_running_loop()
    with Network() as network:
        left, right = network.host("left"), network.host("right")
        cable = network.cable(left, right)
        with left.entered():
            watch = watching(loop, lambda: calls.append(loop.time()))
            watch.__enter__()
        await asyncio.to_thread(cable.cut)
        await asyncio.to_thread(cable.mend)
        await until(lambda: calls)
        watch.__exit__(None, None, None)
    assert len(calls) <= 2


class Deaf:
    """A socket whose answers the test gives."""

    def __init__(self, *answers: bytes | OSError) -> None:
        self._answers = list(answers)

    def recv(self, size: int) -> bytes:
        answer = self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


async def test_news_that_were_too_many_are_news_and_the_end_is_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0.0)
    calls: list[bool] = []
    sock: Any = Deaf(BlockingIOError(), link(0), OSError(105, "no buffer space"), link(RUNNING))
    watcher = module._Watcher(asyncio.get_running_loop(), sock, lambda: calls.append(True))
    watcher.readable()
    watcher.readable()
    assert watcher._timer is None
    watcher.readable()
    await until(lambda: calls)
    watcher.readable()
    watcher.close()
    await asyncio.sleep(0.01)
    assert len(calls) == 1


@pytest.mark.parametrize("fault", [OSError(1, "not permitted"), AttributeError("no AF_NETLINK")])
async def test_a_system_that_does_not_tell_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    def refused(*arguments: object) -> socket.socket:
        raise fault

    caplog.set_level("INFO")
    came: Callable[[], None] = lambda: None  # noqa: E731 - as short as it is
    monkeypatch.setattr(socket, "socket", refused)
    with watching(asyncio.get_running_loop(), came):
        assert "does not tell when its network comes back" in caplog.text


async def test_a_bind_that_fails_leaves_no_socket(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Refused(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(1, "not for you")

    caplog.set_level("INFO")
    monkeypatch.setattr(socket, "socket", Refused)
    before = psutil.Process().num_fds()
    with watching(asyncio.get_running_loop(), lambda: None):
        assert psutil.Process().num_fds() == before
    assert "does not tell when its network comes back" in caplog.text
