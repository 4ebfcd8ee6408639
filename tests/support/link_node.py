"""A node with transports in a process of its own, for tests that kill, freeze or cut it off.

argv: number of its identity, host and port to listen at, folder of its state. Prints its address once up.
"""

import asyncio
import sys
from itertools import islice
from pathlib import Path

from components.mesh.doors import bind
from components.visor.links import manager
from components.visor.links.manager import Links
from components.visor.plane.router import Router
from tests.support.links import identities


async def main(number: str, host: str, port: str, folder: str) -> None:
    vars(manager)["FLUSH_S"] = 0.05  # so that a test need not wait
    identity = next(islice(identities(), int(number), None))
    router = Router(asyncio.get_running_loop())
    async with Links(identity, router, listener=bind(host, int(port)), folder=Path(folder)) as links:
        assert links.address is not None
        print(*links.address, sep=":", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
