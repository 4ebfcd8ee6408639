"""An app's SQLite file, written by one thread: what waits together is committed together."""

from components.mesh.writer import StoreError, Writer

__all__ = ["StoreError", "Writer"]
