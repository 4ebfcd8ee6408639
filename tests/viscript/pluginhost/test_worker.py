"""The worker by itself: messages in, messages out."""

import asyncio

import pytest

from viscript.errors import ExitCode, VerbError
from viscript.pluginhost import wire, worker
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.source import built_in
from viscript.pluginhost.spec import Answer


async def talk(*messages: wire.ToWorker, answers: int) -> list[wire.FromWorker]:
    """What a worker says to these messages."""
    sent: asyncio.Queue[wire.FromWorker] = asyncio.Queue()
    inbox: asyncio.Queue[wire.ToWorker] = asyncio.Queue()
    for message in messages:
        inbox.put_nowait(message)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(worker.Worker(sent.put_nowait).serve(inbox))
        heard = [await sent.get() for _ in range(answers)]
        task.cancel()
    return heard


async def test_it_loads_and_tells_what_was_registered() -> None:
    hello = next(one for one in built_in() if one.name == "helloworld")
    (loaded,) = await talk(wire.Load(source=hello), answers=1)
    assert isinstance(loaded, wire.LoadedOk)
    assert [spec.name for spec in loaded.registration.apps] == ["helloworld"]


async def test_what_comes_before_loading_is_refused() -> None:
    verb = wire.Invoke(id=1, what="verb", text="v")
    hook = wire.Invoke(id=2, what="viscript_doctor")
    heard = await talk(hook, verb, wire.Cancel(id=9), wire.Reply(re=9), answers=2)
    assert all(isinstance(one, wire.Done) and one.trouble and one.trouble.raised for one in heard)


def test_an_error_survives_the_way_there_and_back() -> None:
    error = VerbError(ExitCode.NOT_FOUND, "no such", detail="d", suggestions=("a", "b"), data={"code": "x"})
    back = worker.error_of(worker.refusal(error))
    assert (back.code, back.text, back.detail, back.suggestions) == (5, "no such", "d", ("a", "b"))
    assert back.data == {"code": "x"}
    assert worker.refusal(VerbError(ExitCode.FAILED, "x", data=object())).data is None
    assert worker.error_of(wire.Trouble(text="x", code=99)).code == ExitCode.FAILED
    assert worker.trouble(PluginError("x", traceback="t")).traceback == "t"


@pytest.mark.parametrize("value", [7, None, [1], Answer(data=1, text="x")])
def test_every_answer_has_its_long_form(value: object) -> None:
    answer = worker.as_answer(value)
    assert answer == (value if isinstance(value, Answer) else Answer(data=value))
