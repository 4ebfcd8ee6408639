"""The processes of one case: A and B, two nodes between them, two of each service, and cables to cut.

A --cable-- M1 -- B        in the relay's cases, A reaches M1 by messenger 1 and M2 by messenger 2
A --cable-- M2 -- B        A asks every service through a cable of its own
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.mesh.faults.program import Program, until
from bench.mesh.faults.proxy import CABLED
from bench.ports import free_port
from signal_bus.identity import load_or_create

VISOR: Final = "bench.mesh.faults.node"
APPS: Final = "bench.mesh.faults.apps"
PROXY: Final = "bench.mesh.faults.proxy"
NUMBERS: Final = (1, 2)
MIDDLES: Final = ("M1", "M2")


class World:
    """Comes up with `up`; `programs` are by their names, the cables "cable NAME" among them."""

    def __init__(self, folder: Path, *, relayed: bool) -> None:
        self.folder = folder
        self.relayed = relayed
        self.programs: dict[str, Program] = {}
        self._ports: dict[str, int] = {}
        self._keys: dict[str, str] = {}

    def up(self) -> None:
        """Every process, and the links. Raises `Trouble`."""
        for number in NUMBERS:
            self._manager(number)
        for number in NUMBERS:
            self._setup(number)
            if self.relayed:
                self._messenger(number)
        for name, relays in (("A", NUMBERS), ("M1", (1,)), ("M2", (2,)), ("B", ())):
            self._visor(name, relays if self.relayed else ())
        for program in self.programs.values():
            program.line()
        for middle in MIDDLES:
            self._link(middle)

    def _manager(self, number: int) -> None:
        name = f"discovery {number}"
        self._start(name, "components.node_manager", "--listen", self._served(name), "--name", CABLED)

    def _setup(self, number: int) -> None:
        name = f"setup {number}"
        words = [word for url in self._managers() for word in ("--directory", url)]
        where = self._served(name)
        self._start(name, "components.node_manager.setup", "--listen", where, *self._named(name), *words)

    def _messenger(self, number: int) -> None:
        name = f"relay {number}"
        words = [word for url in self._managers() for word in ("--discovery", url)]
        where = self._served(name)
        words += ["--listen", where, "--public", self._cabled(name)]
        words += ["--state", str(self.folder / name.replace(" ", ""))]
        self._start(name, "components.messenger", *self._named(name), *words)

    def _visor(self, name: str, relays: tuple[int, ...]) -> None:
        words = ["--listen", self._address(name), "--state", str(self.state(name)), "--alone"]
        words += self._named(name)
        for number in NUMBERS:
            words += ["--manager", f"http://{self._cabled(f'discovery {number}')}"]
            words += ["--setup-node", f"{self._keys[f'setup {number}']}@{self._cabled(f'setup {number}')}"]
        for number in relays:
            words += ["--messenger", f"{self._keys[f'relay {number}']}@{self._cabled(f'relay {number}')}"]
        self._start(name, VISOR, *words)

    def _link(self, middle: str) -> None:
        first = self.programs["A"]
        if self.relayed:
            until(lambda: first.ask("add_transport", self._keys[middle], "dmsg"))
        else:
            self._cable(middle)
            self.programs[f"cable {middle}"].line()
            first.ask("add_transport", f"{self._keys[middle]}@{self._cabled(middle)}", "stcpr")
        self.programs[middle].ask("add_transport", f"{self._keys['B']}@{self._address('B')}", "stcpr")

    # -- what cases ask

    def state(self, name: str) -> Path:
        """The folder of a visor."""
        return self.folder / name

    def key(self, name: str) -> str:
        """Of a visor or service."""
        return self._keys[name]

    def app(self, work: str, visor: str, *words: str) -> Program:
        """An app of that visor, once it says that it is ready."""
        return self._start(work, APPS, work, str(self.state(visor) / "app.sock"), *words)

    def routes(self) -> list[Any]:  # Any: JSON
        """Those that A dialled."""
        return [row for row in self.programs["A"].ask("routes") if row["dst"] == self._keys["B"]]

    def with_standby(self) -> str:
        """Wait until the transfer has two routes; the name of the node between that is in use."""
        until(lambda: len(self.routes()) == 2)
        (active,) = [row for row in self.routes() if not row["standby"]]
        return next(name for name in MIDDLES if self._keys[name] == active["hops"][0])

    # -- inside

    def _start(self, name: str, module: str, *words: str) -> Program:
        program = Program(name, module, list(words), self.folder / f"{name.replace(' ', '-')}.log")
        self.programs[name] = program
        return program

    def _served(self, name: str) -> str:
        """Where a service listens; a cable leads to it."""
        where = self._address(name)
        self._cable(name)
        return where

    def _cable(self, name: str) -> None:
        self._start(f"cable {name}", PROXY, str(self._ports[name]))

    def _managers(self) -> list[str]:
        return [f"http://{self._address(f'discovery {number}')}" for number in NUMBERS]

    def _address(self, name: str) -> str:
        return f"127.0.0.1:{self._ports.setdefault(name, free_port())}"

    def _cabled(self, name: str) -> str:
        """The far end of the cable: the same port, so that a service knows its own name."""
        return f"{CABLED}:{self._ports[name]}"

    def _named(self, name: str) -> list[str]:
        path = self.folder / f"{name.replace(' ', '-')}.key"
        self._keys[name] = load_or_create(path).public_key.hex()
        return ["--identity", str(path)]

    # -- faults

    def harm(self, target: str, number: int, fault: str) -> None:
        """Do it: to the node between or its link, or to the service of that number."""
        middle = f"M{number}"
        process = {"link": f"cable {middle}", "middle": middle}.get(target, f"{target} {number}")
        cable = f"cable {middle}" if target in ("link", "middle") else f"cable {target} {number}"
        what = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP, "cut": signal.SIGUSR1}[fault]
        self.programs[cable if fault == "cut" else process].process.send_signal(what)

    def end(self) -> None:
        """Leave nothing running."""
        for program in self.programs.values():
            program.end()


@contextmanager
def world(folder: Path, *, relayed: bool) -> Iterator[World]:
    """Processes that are up, and gone after the block. Raises `Trouble`."""
    made = World(folder, relayed=relayed)
    try:
        made.up()
        yield made
    finally:
        made.end()
