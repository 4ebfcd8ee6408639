"""A lock of the whole cluster, as a program holds it."""

import asyncio

import pytest

from signal_bus import lock as module
from signal_bus.errors import RemoteError, TimedOut
from signal_bus.lock import Lock
from signal_bus.messages import Fence, Lease


class Server:
    """Gives the answers it has, the last one for ever."""

    def __init__(self, *answers: Fence | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Lease] = []

    async def ask(self, lease: Lease) -> Fence:
        self.asked.append(lease)
        if lease.release:
            return Fence()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_S", 0.01)


async def test_it_is_waited_for_and_given_back() -> None:
    server = Server(Fence(holder="beta/3"), Fence(fence=7))
    lock = Lock("x", server.ask)
    async with lock:
        assert lock.fence == 7
        assert await lock.held()
    assert lock.fence == 0
    assert [one.release for one in server.asked] == [False, False, False, True]


async def test_waiting_has_an_end_and_leaves_no_wish() -> None:
    server = Server(Fence(holder="beta/3"))
    lock = Lock("x", server.ask, wait_s=0.05)
    with pytest.raises(TimedOut, match="lock x"):
        await lock.__aenter__()
    assert lock.holder == "beta/3"
    assert server.asked[-1].release


async def test_who_is_cancelled_while_waiting_leaves_no_wish() -> None:
    server = Server(Fence())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(Lock("x", server.ask).__aenter__())
        await asyncio.sleep(0.03)
        task.cancel()
    assert server.asked[-1].release


async def test_without_a_cluster_it_is_said() -> None:
    server = Server(RemoteError("failed", "there are no locks here"))
    with pytest.raises(RemoteError, match="no locks"):
        await Lock("x", server.ask).__aenter__()


async def test_a_lock_that_was_lost_is_not_held_any_more() -> None:
    lock = Lock("x", Server(Fence(fence=7), Fence(holder="beta/3")).ask)
    async with lock:
        assert not await lock.held()
        assert lock.holder == "beta/3"
