"""Orders carried out, without sockets: what is sent is kept."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from signal_bus import limits
from signal_bus.codec import Packet, decode, encode
from signal_bus.ids import Generation, SeqId
from signal_bus.kinds import CLIENT_KINDS, SERVER_KINDS
from signal_bus.messages import (
    Body,
    Call,
    Cancel,
    Closing,
    Describe,
    Described,
    Drained,
    Error,
    Prepare,
    Reload,
    Reloaded,
    Result,
    Shutdown,
    Welcome,
)
from signal_bus.serving import Serving
from signal_bus.testing import until


class Program:
    """A program's side, and what it answered."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.sent: list[Packet] = []
        self.serving = Serving(lambda data: self.sent.append(decode(data, CLIENT_KINDS)))
        self._tasks = tasks

    def order(self, body: Body, request: str = "1", dl: int = 5000) -> bool:
        return self.serving.order(decode(encode(body, request=request, dl=dl), SERVER_KINDS), self._tasks)

    async def answer(self, body: Body, request: str = "1", dl: int = 5000) -> Packet:
        before = len(self.sent)
        assert self.order(body, request, dl)
        await until(lambda: len(self.sent) > before)
        assert self.sent[-1].envelope.re == request
        return self.sent[-1]


def in_group(test: Callable[[Program], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            await test(Program(tasks))

    run.__name__ = getattr(test, "__name__", "run")
    return run


def code(packet: Packet) -> str:
    assert isinstance(packet.body, Error)
    assert packet.envelope.err is not None
    return packet.envelope.err.code


async def forever() -> None:
    """Never done."""
    await asyncio.Event().wait()


@in_group
async def test_a_call_past_its_deadline_is_ended(program: Program) -> None:
    program.serving.methods.add(forever)
    assert code(await program.answer(Call(method="forever"), dl=20)) == "timed-out"


@in_group
async def test_a_call_is_cancelled_on_request(program: Program) -> None:
    program.serving.methods.add(forever)
    program.order(Call(method="forever"), request="long")
    await asyncio.sleep(0)
    program.order(Cancel(request="long"), request="")
    program.order(Cancel(request="unknown"), request="")
    await until(lambda: program.sent)
    assert code(program.sent[0]) == "cancelled"


@in_group
async def test_a_repeated_request_is_carried_out_once(program: Program) -> None:
    program.serving.methods.add(forever)
    program.order(Call(method="forever"), request="same")
    program.order(Call(method="forever"), request="same")
    program.order(Call(method="forever"), request="")
    await asyncio.sleep(0)
    program.serving.cancel_calls()
    await until(lambda: program.sent)
    assert len(program.sent) == 1


@in_group
async def test_calls_are_bounded(program: Program) -> None:
    program.serving.methods.add(forever)
    for number in range(limits.REQUESTS_PER_CLIENT):
        program.order(Call(method="forever"), request=f"c{number}")
    await asyncio.sleep(0)
    assert code(await program.answer(Call(method="forever"), request="late")) == "busy"
    program.serving.cancel_calls()


@in_group
async def test_a_result_no_form_can_carry_is_a_fault(program: Program) -> None:
    def odd() -> object:
        return object()

    def huge() -> object:
        return "x" * limits.MESSAGE_BYTES

    program.serving.methods.add(odd)
    program.serving.methods.add(huge)
    assert code(await program.answer(Call(method="odd"))) == "failed"
    assert code(await program.answer(Call(method="huge"))) == "too-large"


@in_group
async def test_describe_needs_no_method(program: Program) -> None:
    assert (await program.answer(Describe())).body == Described()


@in_group
async def test_prepare_and_reload_answer_when_their_hooks_are_done(program: Program) -> None:
    done: list[object] = []

    async def drain() -> None:
        done.append("drained")

    program.serving.prepare_hooks.append(drain)
    program.serving.reload_hooks.append(done.append)
    assert isinstance((await program.answer(Prepare())).body, Drained)
    assert isinstance((await program.answer(Reload(changes={"a": 1}))).body, Reloaded)
    assert done == ["drained", {"a": 1}]


@in_group
async def test_a_hook_that_fails_is_the_answer(program: Program) -> None:
    def broken() -> None:
        raise RuntimeError("oh no")

    program.serving.prepare_hooks.append(broken)
    assert code(await program.answer(Prepare())) == "failed"


@in_group
async def test_an_ending_program_takes_no_calls_and_ends_once(program: Program) -> None:
    runs: list[int] = []
    program.serving.shutdown_hooks.append(lambda: runs.append(1))
    program.serving.methods.add(forever)
    assert isinstance((await program.answer(Shutdown(deadline_s=5.0))).body, Closing)
    assert isinstance((await program.answer(Shutdown(deadline_s=5.0), request="2")).body, Closing)
    assert code(await program.answer(Call(method="forever"), request="3")) == "ended"
    await program.serving.ended.wait()
    assert runs == [1]


@in_group
async def test_what_is_no_order_is_left_to_others(program: Program) -> None:
    assert not program.order(Welcome(seq=SeqId(1), generation=Generation(1)))


@pytest.mark.parametrize("value", [None, 0, "", [1], {"a": {"b": [None]}}, True, 1.5])
async def test_results_arrive_as_they_were(value: object) -> None:
    async with asyncio.TaskGroup() as tasks:
        program = Program(tasks)

        def give() -> object:
            return value

        program.serving.methods.add(give)
        assert (await program.answer(Call(method="give"))).body == Result(value=value)
