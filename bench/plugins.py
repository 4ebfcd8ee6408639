"""Do bad plugins slow a ping? Each in a process of its own, and, to compare, in threads of the daemon.

`python -m bench.plugins` prints p50 and p99 of a bus ping in milliseconds: idle, while four bad plugins load
in processes (one raises, one sleeps, one spins, one crashes), and while two of them run in threads.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from signal_bus.delegate import BaseDelegate
from signal_bus.ids import SeqId
from signal_bus.server import SignalServer
from viscript.config.model import Plugins
from viscript.pluginhost.host import PluginHost

BAD = {
    "raises": "raise RuntimeError('x')\n",
    "sleeps": "import time\ntime.sleep(60)\n",
    "spins": "while True:\n    pass\n",
    "dies": "import os\nos.abort()\n",
}
PINGS = 1500
SEQ = SeqId(1)


async def pings(server: SignalServer) -> dict[str, float]:
    """p50 and p99 of one ping at a time, 1 ms apart, in milliseconds."""
    taken = []
    for _ in range(PINGS):
        taken.append(await server.ping(SEQ, 5.0))
        await asyncio.sleep(0.001)
    taken.sort()
    return {
        "p50_ms": round(taken[len(taken) // 2] * 1e3, 3),
        "p99_ms": round(taken[len(taken) * 99 // 100] * 1e3, 3),
    }


async def in_processes(server: SignalServer, folder: Path) -> dict[str, float]:
    for name, text in BAD.items():
        (folder / f"{name}.py").write_text(text)
    async with PluginHost(Plugins(), folder, built_in=None, packages=False, load_s=60.0) as host:
        await host.load(patience_s=0.0)
        return await pings(server)


async def in_threads(server: SignalServer) -> dict[str, float]:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            pass

    threads = [threading.Thread(target=spin), threading.Thread(target=stop.wait)]
    for thread in threads:
        thread.start()
    try:
        return await pings(server)
    finally:
        stop.set()


async def load_seconds(folder: Path) -> float:
    """How long one good plugin takes to load in a process of its own."""
    folder.mkdir()
    (folder / "good.py").write_text("from viscript.plugin import app\n\n@app\nasync def good(ctx): ...\n")
    async with PluginHost(Plugins(), folder, built_in=None, packages=False) as host:
        started = time.perf_counter()
        await host.load(patience_s=10.0)
        return round(time.perf_counter() - started, 3)


async def measure() -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="vb") as name:
        folder = Path(name)
        endpoint = f"ipc://{name}/apps.ipc"
        environ = {
            **os.environ,
            "VISCRIPT_ENDPOINT": endpoint,
            "VISCRIPT_SEQ": "1",
            "VISCRIPT_GENERATION": "1",
        }
        async with SignalServer(home_id="b", apps_endpoint=endpoint, delegate=BaseDelegate()) as server:
            app = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "viscript.plugin_run", "plugins.helloworld", "helloworld", env=environ
            )
            try:
                await joined(server)
                return {
                    "idle": await pings(server),
                    "bad plugins in processes": await in_processes(server, folder),
                    "bad plugins in threads": await in_threads(server),
                    "load_seconds": await load_seconds(folder / "one"),
                }
            finally:
                app.kill()
                await app.wait()


async def joined(server: SignalServer) -> None:
    """Wait until the app answers."""
    async with asyncio.timeout(20):
        while True:
            try:
                await server.ping(SEQ, 1.0)
            except Exception:  # noqa: BLE001 (not joined yet)
                await asyncio.sleep(0.05)
            else:
                return


def run() -> dict[str, object]:
    """All figures of one run."""
    return asyncio.run(measure())


if __name__ == "__main__":
    for name, figure in run().items():
        print(f"{name}: {figure}")
