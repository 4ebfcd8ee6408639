"""The tables can be made again over themselves: that is how a store is opened."""

import sqlite3
from contextlib import closing

from plugins.skychat.schema import SCHEMA


def test_it_can_be_run_twice() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        for _ in range(2):
            db.executescript(SCHEMA)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    assert tables >= {"message", "copy", "counter", "epoch", "stream", "early", "unseen", "room", "gone"}
