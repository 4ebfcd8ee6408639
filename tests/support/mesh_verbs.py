"""A verb of the mesh, used without a daemon: the fake visor answers at once."""

from typing import Any

from plugins.mesh.verbs import VERBS
from tests.support import fake_visor
from viscript.plugin import Answer, VerbCall
from viscript.pluginhost.wire import CallData


class Port:
    """Hands every call to the fake visor, and remembers it."""

    def __init__(self, **answers: Any) -> None:  # Any: plain data
        self.asked: list[tuple[str, dict[str, Any]]] = []  # Any: as above
        self._answers = answers

    async def ask(self, what: str, value: object) -> Any:  # Any: as above
        """Only `rpc` at the visor is used."""
        assert what == "rpc"
        assert isinstance(value, list)
        target, method, params, patience_s = value
        assert (target, patience_s) == ("visor", 20.0)
        self.asked.append((method, params))
        return self._answers[method] if method in self._answers else fake_visor.answer(method, params)


async def use(
    verb: str,
    port: Port | None = None,
    /,
    *,
    form: str = "table",
    **args: Any,  # Any: the words of the command
) -> Answer:
    """What a verb answers; arguments that are left out have their defaults."""
    spec, handler = next(row for row in VERBS if row[0].name == verb)
    whole: dict[str, Any] = {arg.name: arg.default for arg in spec.args}  # Any: as above
    whole |= {option.name: False if option.flag else option.default for option in spec.options}
    data = CallData(args={**whole, **args}, format=form, columns=80, cwd="/", actor="me")
    answer = await handler(VerbCall(data, port or Port()))
    assert isinstance(answer, Answer)
    return answer
