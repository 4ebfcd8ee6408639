"""What a handler can do with its call."""

from typing import Any

from viscript.pluginhost.verbcall import VerbCall
from viscript.pluginhost.wire import CallData


class Recorder:
    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    async def ask(self, what: str, value: object) -> Any:
        self.asked.append((what, value))
        return "answer"


async def test_every_way_out_is_an_ask() -> None:
    port = Recorder()
    call = VerbCall(CallData(args={"a": 1}, format="json", columns=100, cwd="/x", actor="me"), port)
    assert (call.args, call.format, call.columns, call.cwd, call.actor) == ({"a": 1}, "json", 100, "/x", "me")
    await call.out("o")
    await call.err("e")
    await call.row({"r": 1})
    assert await call.run("la", "-a") == "answer"
    assert await call.rpc("visor", "peers", {"x": 1}) == "answer"
    assert await call.rpc("visor", "ping", timeout_s=30.0) == "answer"
    assert port.asked == [
        ("out", "o"),
        ("err", "e"),
        ("row", {"r": 1}),
        ("run", ["la", "-a"]),
        ("rpc", ["visor", "peers", {"x": 1}, None]),
        ("rpc", ["visor", "ping", None, 30.0]),
    ]
