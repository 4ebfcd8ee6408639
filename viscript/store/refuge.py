"""Where the store's contents are while its disk is full: in memory, then back in the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def copy_of(file: sqlite3.Connection) -> sqlite3.Connection:
    """All of an open store, in memory. Needs no room on its disk."""
    memory = _empty()
    file.backup(memory)
    return memory


def copy_of_closed(path: Path, schema: str) -> sqlite3.Connection:
    """What can be read of a store that cannot be opened, in memory.

    What was committed since the last checkpoint is in the WAL. To read that, SQLite wants an index, for
    which there is no room: a connection that has the file for itself keeps the index in memory.
    """
    for ask, alone in (("mode=rw", True), ("mode=ro&immutable=1", False)):
        memory = _empty()
        try:
            _read(f"{path.absolute().as_uri()}?{ask}", memory, alone=alone)
        except sqlite3.Error:  # nothing was ever written, or no page can be read
            memory.close()
        else:
            break
    else:
        memory = _empty()
    memory.executescript(schema)
    return memory


def _read(uri: str, memory: sqlite3.Connection, *, alone: bool) -> None:
    file = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        if alone:
            file.execute("PRAGMA locking_mode=EXCLUSIVE")
        file.backup(memory)
    finally:
        file.close()


def bring_back(memory: sqlite3.Connection, file: sqlite3.Connection) -> None:
    """Make the file say what the memory does, whole or not at all. Raises sqlite3.Error."""
    file.execute("BEGIN IMMEDIATE")
    try:
        for (table,) in memory.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            rows = memory.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 (a table of ours)
            file.execute(f'DELETE FROM "{table}"')  # noqa: S608 (as above)
            if rows:
                marks = ",".join("?" * len(rows[0]))
                file.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608 (as above)
        file.execute("COMMIT")
    except sqlite3.Error:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def _empty() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
