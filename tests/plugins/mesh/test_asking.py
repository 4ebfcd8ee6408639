"""What goes wrong between a verb and the visor."""

from typing import Any

import pytest

from plugins.mesh.asking import ask
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData


class Failing:
    """A daemon where every call fails."""

    def __init__(self, error: VerbError) -> None:
        self._error = error

    async def ask(self, what: str, value: object) -> Any:
        raise self._error


async def failed(error: VerbError) -> VerbError:
    """What the user is told."""
    call = VerbCall(CallData(args={}, format="table", columns=80, cwd="/", actor="me"), Failing(error))
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


async def test_the_visors_own_error_keeps_its_words_and_its_code() -> None:
    data = {"code": "not-found", "text": "no peer is called joe"}
    told = await failed(VerbError(ExitCode.NOT_FOUND, "app 7: find: not-found: ...", data=data))
    assert (told.code, told.text) == (ExitCode.NOT_FOUND, "no peer is called joe")


async def test_anything_else_is_told_as_it_is() -> None:
    told = await failed(VerbError(ExitCode.TIMED_OUT, "app 7: no answer"))
    assert (told.code, told.text) == (ExitCode.TIMED_OUT, "app 7: no answer")
