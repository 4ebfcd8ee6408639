"""An app's SQLite file, written by one thread: what waits together is committed together."""

from __future__ import annotations

from components.mesh import writer
from components.mesh.errors import Busy, Gone
from components.mesh.writer import StoreError, T, Work

__all__ = ["StoreError", "Writer"]


class Writer(writer.Writer):
    """As that of the mesh, with one error for all that keeps work from being done."""

    async def run(self, work: Work[T]) -> T:
        """What `work` returns, committed. Raises `StoreError`, or what `work` raises."""
        try:
            return await super().run(work)
        except (Busy, Gone) as exc:
            raise StoreError(str(exc)) from exc
