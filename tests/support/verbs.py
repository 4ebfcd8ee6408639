"""Running one verb in memory, and talking to a door, for the tests of verbs."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from viscript.verbs.run import Context, Ran, run
from viscript.verbs.schemas import file_name
from viscript.verbs.table import Terminal

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schemas"
SCREEN = Terminal(out=True, err=True, columns=100, colour=False, ascii=False)


@dataclass
class Said:
    """What a command wrote and how it ended."""

    out: str = ""
    err: str = ""
    code: int | None = None
    attach: Any = None

    def json(self) -> Any:
        return json.loads(self.out)

    def valid(self, verb: str) -> Any:
        """The answer as data, which is what the verb's published schema says."""
        assert self.code == 0, self
        jsonschema.validate(self.json(), json.loads((SCHEMAS / file_name(verb)).read_text()))
        return self.json()


@dataclass
class Sink:
    """Collects what is written."""

    outs: list[str] = field(default_factory=list)
    errs: list[str] = field(default_factory=list)

    async def out(self, text: str) -> None:
        self.outs.append(text)

    async def err(self, text: str) -> None:
        self.errs.append(text)


async def say(world: Any, command: str | Sequence[str], **context: Any) -> Said:
    """Run one command against a world in memory."""
    words = command.split() if isinstance(command, str) else list(command)
    sink = Sink()
    context.setdefault("terminal", SCREEN)
    ran: Ran = await run(words, Context(table=world.table, world=world, sink=sink, **context))
    return Said(out="".join(sink.outs), err="".join(sink.errs), code=int(ran.code), attach=ran.attach)


class Visitor:
    """A client of a door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, message: dict[str, Any] | bytes) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.writer.write(line)
        await self.writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        async with asyncio.timeout(20):
            line = await self.reader.readline()
        return json.loads(line) if line else None

    async def rest(self) -> Said:
        """All up to the exit code or the end."""
        said = Said()
        while (message := await self.receive()) is not None:
            said.out += message.get("o", "")
            said.err += message.get("e", "")
            if "x" in message:
                said.code = message["x"]
                break
        return said


@asynccontextmanager
async def visit(path: Path) -> AsyncIterator[Visitor]:
    """Connect, and read the greeting."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
    visitor = Visitor(reader, writer)
    try:
        assert await visitor.receive() == {"k": 1}
        yield visitor
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            assert writer.is_closing()


async def ask(path: Path, **request: Any) -> Said:
    """One request, its whole answer."""
    async with visit(path) as visitor:
        await visitor.send({"v": 1, **request})
        return await visitor.rest()
