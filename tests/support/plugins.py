"""Plugins written on the spot, and a host that loads them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from viscript.config.model import Plugins
from viscript.pluginhost.host import PluginHost
from viscript.pluginhost.source import Source, in_folder
from viscript.verbs.table import Call, Verb

GOOD = """
    from viscript.plugin import app

    @app(help="[1] who")
    async def {name}(ctx, who="world"):
        "greets"
        await ctx.stopped()
"""


def write(folder: Path, name: str, text: str = GOOD) -> Path:
    """A plugin file; `{name}` in the text becomes its name."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(dedent(text).lstrip().replace("{name}", name))
    return path


def source(path: Path) -> Source:
    """The source of one plugin file."""
    return next(one for one in in_folder(path.parent) if one.target == str(path))


@asynccontextmanager
async def hosted(folder: Path, config: Plugins | None = None, **given: Any) -> AsyncIterator[PluginHost]:
    """A host over one folder, nothing else, loaded."""
    options = {"built_in": None, "packages": False, **given}
    async with PluginHost(config or Plugins(), folder, **options) as host:
        await host.load(patience_s=options.get("load_s", 10.0) + 5)
        yield host


class Pages:
    """A writer that keeps what a verb wrote."""

    def __init__(self) -> None:
        self.written: list[tuple[str, object]] = []

    async def out(self, text: str) -> None:
        self.written.append(("out", text))

    async def err(self, text: str) -> None:
        self.written.append(("err", text))

    async def row(self, data: object) -> None:
        self.written.append(("row", data))


def call(verb: Verb, writer: Pages, **args: Any) -> Call:
    """One use of a verb."""
    return Call(verb=verb, args=args, world=None, writer=writer)


async def until(true: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait until it is true, looking a hundred times a second."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)
