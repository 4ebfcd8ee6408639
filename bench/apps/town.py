"""Visors over loopback, as whole processes, with the services of a mesh.

A -- B -- C -- D      a row of links
A .. R                by the messenger alone
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Final

from bench.apps.programs import Programs, owned
from bench.mesh.faults.program import Program, until
from bench.ports import free_port
from signal_bus.identity import load_or_create

VISOR: Final = "bench.mesh.faults.node"
ROW: Final = ("A", "B", "C", "D")
RELAYED: Final = "R"


class Town:
    """All of it, up. Raises `Trouble`."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.keys: dict[str, str] = {}
        self.visors: dict[str, Program] = {}
        self.services: dict[str, Program] = {}
        self._ports: dict[str, int] = {}
        self._around: list[str] = []
        self._serve()
        for name in (*ROW, RELAYED):
            self._visor(name)
        for one, other in itertools.pairwise(ROW):
            self.visors[one].ask("add_transport", f"{self.keys[other]}@{self._at(other)}", "stcpr")
        until(lambda: self.visors["A"].ask("add_transport", self.keys[RELAYED], "dmsg"))
        for last in ROW[1:]:
            until(partial(self.visors["A"].ask, "find_route", self.keys[last]))

    def socket(self, name: str) -> str:
        """Where a visor takes its apps."""
        return str(self.programs.folder / name / "app.sock")

    def pids(self, *names: str) -> list[int]:
        """Of visors and services."""
        return [(self.visors | self.services)[name].process.pid for name in names]

    def _serve(self) -> None:
        manager = f"http://{self._at('manager')}"
        self._service("manager", "components.node_manager", "--state", self._state("manager"))
        words = [*self._named("setup"), "--directory", manager]
        self._service("setup", "components.node_manager.setup", *words)
        words = [*self._named("messenger"), "--discovery", manager, "--state", self._state("messenger")]
        self._service("messenger", "components.messenger", *words)
        self._around = ["--manager", manager]
        self._around += ["--setup-node", f"{self.keys['setup']}@{self._at('setup')}"]
        self._around += ["--messenger", f"{self.keys['messenger']}@{self._at('messenger')}"]

    def _service(self, name: str, module: str, *words: str) -> None:
        self.services[name] = self.programs.module(name, module, "--listen", self._at(name), *words)

    def _visor(self, name: str) -> None:
        words = ["--listen", self._at(name), "--state", self._state(name), "--alone", *self._named(name)]
        self.visors[name] = self.programs.module(name, VISOR, *words, *self._around)

    def _named(self, name: str) -> list[str]:
        path = self.programs.folder / f"{name}.key"
        self.keys[name] = load_or_create(path).public_key.hex()
        return ["--identity", str(path)]

    def _state(self, name: str) -> str:
        return str(owned(self.programs.folder / name))

    def _at(self, name: str) -> str:
        return f"127.0.0.1:{self._ports.setdefault(name, free_port())}"
