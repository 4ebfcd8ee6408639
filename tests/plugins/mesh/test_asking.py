"""What goes wrong between a verb and the visor."""

from typing import Any

import pytest

from plugins.mesh.asking import ask
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData


class Failing:
    """A daemon where every call fails."""

    def __init__(self, error: VerbError, why: Any = None) -> None:
        self._error = error
        self._why = why

    async def ask(self, what: str, value: object) -> Any:
        if what == "run" and self._why is not None:
            assert value == ["why", "visor"]
            return self._why
        raise self._error


async def failed(error: VerbError, why: Any = None) -> VerbError:
    """What the user is told."""
    daemon = Failing(error, why)
    call = VerbCall(CallData(args={}, format="table", columns=80, cwd="/", actor="me"), daemon)
    with pytest.raises(VerbError) as caught:
        await ask(call, "peers")
    return caught.value


@pytest.mark.parametrize("code", [ExitCode.NOT_FOUND, ExitCode.NOT_HEALTHY])
async def test_no_visor_is_one_sentence_with_the_way_out(code: ExitCode) -> None:
    told = await failed(VerbError(code, 'nothing is called "visor"'))
    assert (told.code, told.text, told.suggestions) == (
        ExitCode.NOT_HEALTHY,
        "no visor runs: the mesh is not up",
        ("s visor",),
    )


async def test_what_keeps_a_visor_that_was_started_is_told() -> None:
    why = {"state": "waiting", "text": "it waits for node-manager to be ready (it is backoff)"}
    told = await failed(VerbError(ExitCode.NOT_HEALTHY, "visor is waiting"), why)
    assert (told.code, told.suggestions) == (ExitCode.NOT_HEALTHY, ("why visor",))
    assert told.text.startswith("the visor is waiting, so the mesh is not up: it waits for node-manager")
    told = await failed(VerbError(ExitCode.NOT_HEALTHY, "x"), {"state": "stopped", "text": "it was stopped"})
    assert told.suggestions == ("s visor",)


async def test_the_visors_own_error_keeps_its_words_and_its_code() -> None:
    data = {"code": "not-found", "text": "no peer is called joe"}
    told = await failed(VerbError(ExitCode.NOT_FOUND, "app 7: find: not-found: ...", data=data))
    assert (told.code, told.text) == (ExitCode.NOT_FOUND, "no peer is called joe")


async def test_anything_else_is_told_as_it_is() -> None:
    told = await failed(VerbError(ExitCode.TIMED_OUT, "app 7: no answer"))
    assert (told.code, told.text) == (ExitCode.TIMED_OUT, "app 7: no answer")
