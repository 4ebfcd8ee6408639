from pathlib import Path

import pytest

from signal_bus.peers.messages import PeerState
from tests.support.rosters import host, member_of
from viscript.cluster.fleet import Fleet
from viscript.cluster.links.remembering import SEEN, Remembering
from viscript.store.memory import Memory
from viscript.store.writer import StoreError

CLUSTER, A, B = host(0), host(1), host(2)
MEMBERS = {one.public_key: member_of(one, CLUSTER, CLUSTER) for one in (A, B)}


def fleet() -> Fleet:
    made = Fleet()
    made.sync(MEMBERS, 0.0)
    return made


async def test_what_was_heard_outlives_the_daemon(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    before, after = fleet(), fleet()
    before.heard(A.public_key, 0.0, 1000.0)
    before.noted(A.public_key, PeerState(time=1.0, apps_up=3), 0.0, 1000.0)
    await Remembering(memory, before).keep()
    await memory.change_records(SEEN, {bytes(B.public_key): b"of another version"})
    await Remembering(memory, after).recall(MEMBERS)
    row = after.row(A.public_key, 0.0, 1060.0)
    assert (row.apps_up, row.age_seconds) == (3, 60.0)
    assert after.row(B.public_key, 0.0, 1060.0).last_seen is None
    await Remembering(memory, after).keep((), [A.public_key])
    assert list(await memory.records(SEEN)) == [B.public_key]
    memory.close()


class Full:
    """A store that takes nothing."""

    async def change_records(self, *_: object) -> None:
        raise StoreError("the disk is gone")


async def test_what_cannot_be_kept_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = fleet()
    one.heard(A.public_key, 0.0, 1000.0)
    await Remembering(Full(), one).keep()  # type: ignore[arg-type]  # what is used of it
    assert "the disk is gone" in caplog.text
