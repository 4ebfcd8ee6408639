"""What a state store must be like, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from viscript.statestore.api import Compare, Delete, Get, Item, Op, Put, Result


class Model:
    """Revisions count from wherever the real one does: `revision` is set by the test."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.items: dict[str, Item] = {}
        self.leases: set[int] = set()
        self.history: list[tuple[int, str, bytes | None]] = []

    def txn(
        self, compare: Sequence[Compare], then: Sequence[Op], otherwise: Sequence[Op]
    ) -> tuple[bool, list[Result]] | None:
        """Whether it held, and the answers; None when a lease is gone."""
        ok = all(self.holds(one) for one in compare)
        chosen = then if ok else otherwise
        if any(isinstance(one, Put) and one.lease and one.lease not in self.leases for one in chosen):
            return None
        at, wrote = self.revision + 1, False
        results: list[Result] = []
        for one in chosen:
            if isinstance(one, Get):
                results.append(self.items.get(one.key))
                continue
            answer = self._write(one, at)
            wrote = wrote or answer != 0
            results.append(answer)
        self.revision += wrote
        return ok, results

    def _write(self, one: Put | Delete, at: int) -> int | None:
        if isinstance(one, Delete):
            gone = self.items.pop(one.key, None) is not None
            if gone:
                self.history.append((at, one.key, None))
            return int(gone)
        old = self.items.get(one.key)
        self.items[one.key] = Item(one.key, one.value, at if old is None else old.created, at, one.lease)
        self.history.append((at, one.key, one.value))
        return None

    def revoke(self, lease: int) -> None:
        self.leases.discard(lease)
        keys = [key for key, item in self.items.items() if item.lease == lease]
        for key in keys:
            self._write(Delete(key), self.revision + 1)
        self.revision += bool(keys)

    def holds(self, one: Compare) -> bool:
        item = self.items.get(one.key)
        if one.what == "value":
            return item is not None and self.compared(item.value, one)
        return self.compared(0 if item is None else getattr(item, one.what), one)

    def compared(self, found: int | bytes, one: Compare) -> bool:
        order = (found > one.to) - (found < one.to)  # type: ignore[operator] # both are of one type
        return {"=": order == 0, "!=": order != 0, "<": order < 0, ">": order > 0}[one.sign]
