"""A whole visor that takes orders on standard input: `python -m bench.mesh.faults.node OPTION...`.

Each line is a method of the visor's answers and its words, as JSON: ["add_transport", "KEY@HOST:PORT"]; each
answer is a line of JSON. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

from components.visor.node.answers import Answers
from components.visor.node.around import configured
from components.visor.node.node import Node
from components.visor.node.options import parse
from components.visor.node.program import identity_of, settle
from signal_bus.errors import RemoteError


async def serve(words: list[str]) -> None:
    """Until standard input ends."""
    options = parse(words, {})
    async with Node.running(identity_of(options), options, configured(options)) as node:
        methods = {method.__name__: method for method in Answers(node).methods}
        settle()
        _say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, *rest = json.loads(line)
            try:
                _say(await methods[name](*rest))
            except RemoteError as exc:
                _say({"fault": str(exc)})


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
