"""A keeper without processes: it records orders and lets a test tell what happened."""

from collections.abc import Callable
from typing import Any

from viscript.supervisor.keeper_port import KeeperError


class FakeKeeper:
    """Implements the port; `report` is the daemon's ear."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.report: Callable[[dict[str, Any]], None] = lambda event: None
        self.refuse: dict[str, KeeperError] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.auto_spawn = True
        self.auto_stop = True
        self.pid = 1000
        self.generations: dict[int, int] = {}

    async def ask(self, op: str, *, deadline: float | None = 10.0, **fields: Any) -> dict[str, Any]:
        self.tell(op, **fields)
        if op in self.refuse:
            raise self.refuse[op]
        if op == "launch" and self.auto_spawn:
            self.spawned(fields["seq"], fields["gen"])
        if op in ("stop", "kill") and self.auto_stop:
            self.stopped(fields["seq"], gen=self.generations.get(fields["seq"], 1))
        if op in self.answers:
            return self.answers[op]
        return {"written": len(fields.get("data", ""))}

    def tell(self, op: str, **fields: Any) -> None:
        self.orders.append((op, fields))

    def asked(self, op: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.orders if name == op]

    def spawned(self, seq: int, gen: int, *, restart: bool = False) -> None:
        self.pid += 1
        self.generations[seq] = gen
        self.report({"ev": "spawned", "seq": seq, "gen": gen, "pid": self.pid, "t": 1.0, "restart": restart})

    def exited(self, seq: int, gen: int, *, code: int | None = 1, next: str = "restart", **more: Any) -> None:
        event = {"ev": "exited", "seq": seq, "gen": gen, "pid": self.pid, "t": 2.0, "code": code}
        self.report({**event, "signal": None, "next": next, "runtime": 0.1, "delay": 1.0, **more})

    def stopped(self, seq: int, *, gen: int, rung: str = "term") -> None:
        event = {"ev": "stopped", "seq": seq, "gen": gen, "t": 3.0, "code": None, "signal": 15}
        self.report({**event, "rung": rung, "seconds": 0.1})
