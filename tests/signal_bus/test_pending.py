import pytest

from signal_bus.errors import Busy, Gone, RemoteError
from signal_bus.messages import Pong
from signal_bus.pending import Pending


async def test_an_answer_reaches_who_asked() -> None:
    pending = Pending("s")
    request, future = pending.open(7, "ping")
    assert pending.answer(7, request, Pong(), 5.0)
    assert (await future).at == 5.0
    assert not pending.answer(7, request, Pong(), 6.0)


async def test_nobody_answers_for_another() -> None:
    pending = Pending("s")
    request, future = pending.open(7, "ping")
    assert not pending.answer(8, request, Pong(), 0.0)
    assert not pending.fail(8, request, RemoteError("failed", ""))
    assert not future.done()
    future.cancel()


async def test_all_who_wait_for_one_that_ended_are_told() -> None:
    pending = Pending("s")
    _, first = pending.open(7, "ping")
    _, other = pending.open(8, "ping")
    pending.fail_all(7, Gone(7, "its process ended"))
    with pytest.raises(Gone):
        await first
    assert not other.done()
    pending.fail_everybody(RemoteError("failed", "stopped"))
    with pytest.raises(RemoteError):
        await other


async def test_requests_to_one_are_bounded_and_closing_makes_room() -> None:
    pending = Pending("s", bound=2)
    opened = [pending.open(7, "ping") for _ in range(2)]
    with pytest.raises(Busy):
        pending.open(7, "ping")
    pending.open(8, "ping")
    pending.close(7, opened[0][0])
    pending.open(7, "ping")
    assert len(pending) == 3
    pending.close(7, "never opened")
    pending.close(99, "never opened")
