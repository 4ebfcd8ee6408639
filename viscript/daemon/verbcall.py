"""A verb that came over the bus: run like one at the prompt, its text gathered into one reply."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from signal_bus.messages import VerbReply, VerbRequest
from viscript.verbs.run import Context, run
from viscript.verbs.table import Table

MOST_TEXT: Final = 512 * 1024  # characters
_TOO_LONG: Final = f"the answer is cut: it is longer than {MOST_TEXT} characters"


class _Gathered:
    """A sink that keeps what is written, up to a bound."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {"out": [], "err": []}
        self._left = MOST_TEXT
        self.cut = False

    async def out(self, text: str) -> None:
        """Keep text for stdout."""
        self._keep("out", text)

    async def err(self, text: str) -> None:
        """Keep text for stderr."""
        self._keep("err", text)

    def _keep(self, where: str, text: str) -> None:
        piece = text[: self._left]
        self._left -= len(piece)
        self.cut = self.cut or len(piece) < len(text)
        self.texts[where].append(piece)


async def run_for_bus(request: VerbRequest, table: Table, world: Any) -> VerbReply:
    """Run the verb. `world` is the daemon's World."""
    sink = _Gathered()
    argv = ["-o", "json", *request.argv] if request.format == "json" else [*request.argv]
    context = Context(
        table=table, world=world, sink=sink, cwd=request.cwd, mode="api", actor="bus", environ=request.environ
    )
    ran = await run(argv, context)
    out, err = ("".join(sink.texts[where]) for where in ("out", "err"))
    if sink.cut:
        err += f"{_TOO_LONG}\n"
    return VerbReply(code=int(ran.code), out=out, err=err, data=_data(out))


def _data(out: str) -> object:
    try:
        return msgspec.json.decode(out)
    except msgspec.DecodeError:
        return None
