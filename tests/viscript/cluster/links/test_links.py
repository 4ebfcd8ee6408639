import asyncio
import contextlib
import errno
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from signal_bus.ids import PublicKey
from signal_bus.testing import until
from tests.support.hosts import LinkedHost, linked
from tests.support.rosters import host, vouched
from viscript.cluster.links.api import HostAway, Reach, Stream, StreamRefused
from viscript.store.writer import StoreError
from viscript.verbs.table import Role

CLUSTER, A, B, C, D = (host(number) for number in range(5))


async def write_for_ever(stream: Stream, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await stream.write(bytes(100_000))


async def test_hosts_of_a_cluster_find_each_other_and_tell_how_they_are(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B, C) as (a, b, _):
        await until(lambda: a.row(b).apps_total == 2)
        row = a.row(b)
        assert (row.apps_up, row.cpu_percent, row.memory_bytes) == (1, 3.0, 4)
        assert row.path == "direct"
        await until(lambda: a.row(b).clock_offset_seconds is not None)
        assert abs(a.row(b).clock_offset_seconds or 0) < 5
        assert a.links.hosts()[0].local


async def test_streams_go_both_ways_whoever_dialled(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        assert await a.ask(b, b"one") == b"one"
        assert await b.ask(a, b"two") == b"two"
        assert (a.callers[0].label, a.callers[0].role) == ("h2", Role.ADMIN)


async def test_much_goes_through_and_a_slow_reader_stalls_itself_only(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        slow = await a.links.open(b.key, "door", 10)
        with pytest.raises(TimeoutError):
            await write_for_ever(slow, 0.5)
        assert await a.ask(b, b"x" * 1000) == b"x" * 1000
        got = 0
        while got < 500_000:
            got += len(await slow.read())
        await slow.close("done", "")


async def test_the_roster_reaches_hosts_that_were_told_by_nobody(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B, C) as (a, b, c):
        await a.book.take([vouched(D, CLUSTER, label="new")])
        for one in (b, c):
            await until(lambda told=one.changes: ("new", Reach.SUSPECT) in told)  # type: ignore[misc]  # a default


async def test_a_revoked_host_is_cut_in_the_midst_of_a_stream(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B, C) as (a, b, c):
        stream = await c.links.open(a.key, "door", 10)
        await stream.write(b"x")
        assert await stream.read() == b"x"
        await a.book.take([vouched(C, CLUSTER, label="h3", version=2, gone=True)])
        with pytest.raises(HostAway):
            await stream.read()
        assert not any(row.key == c.key for row in a.links.hosts())
        await until(lambda: "not let in" in c.row(a).why)
        await until(lambda: not any(row.key == c.key for row in b.links.hosts()))
        await until(lambda: a.sees(b) and b.sees(a))
        with pytest.raises(HostAway, match="no host of this cluster"):
            await a.links.open(c.key, "door", 10)
        refused = a.links._listening.doors.denied
        await until(lambda: a.links._listening.doors.denied > refused)


async def test_a_host_with_a_lower_role_than_before_begins_anew(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        stream = await b.links.open(a.key, "door", 10)
        await stream.write(b"x")
        assert await stream.read() == b"x"
        await a.book.take([vouched(B, CLUSTER, label="h2", version=2, role=Role.VIEW)])
        with pytest.raises(HostAway):
            await stream.read()
        await until(lambda: a.sees(b) and b.sees(a))
        await b.ask(a)
        assert a.callers[-1].role is Role.VIEW


@pytest.mark.parametrize("change", [{"gone": True}, {"role": Role.VIEW}])
async def test_a_door_that_is_slow_to_open_anew_keeps_nobody_on_a_stream(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        stream = await a.links.open(b.key, "door", 10)  # whoever dialled: both sides may be served on it
        theirs = await b.links.open(a.key, "door", 10)
        await theirs.write(b"x")
        assert await theirs.read() == b"x"

        async def failing(_: object) -> None:
            raise OSError("no port")

        monkeypatch.setattr(a.links._listening.doors, "let_in", failing)
        await a.book.take([vouched(B, CLUSTER, label="h2", version=2, **change)])
        for one in (stream, theirs):
            with pytest.raises(HostAway):
                await one.read()


@pytest.mark.parametrize("change", [{"gone": True}, {"role": Role.VIEW}])
async def test_what_is_still_done_about_another_keeps_nobody_on_a_stream(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        stream = await b.links.open(a.key, "door", 10)
        await stream.write(b"x")
        assert await stream.read() == b"x"
        busy, served = asyncio.Event(), len(a.callers)

        async def slow(_: object) -> None:
            busy.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(a.links._listening.doors, "let_in", slow)
        await a.book.take([vouched(D, CLUSTER, label="new")])
        await busy.wait()
        await a.book.take([vouched(B, CLUSTER, label="h2", version=2, **change)])
        with pytest.raises(HostAway):
            await stream.read()
        with contextlib.suppress(HostAway, StreamRefused):  # it connects again, the door lets it in yet
            await b.ask(a, deadline=3)
        assert all(caller.role is Role.VIEW for caller in a.callers[served:])
        assert not change.get("gone") or not a.callers[served:]


async def test_a_host_that_stops_and_comes_back_is_found_again(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        stream = await a.links.open(b.key, "door", 10)
        await b.stop()
        with pytest.raises(HostAway):
            await stream.read()
        await until(lambda: a.row(b).path == "none")
        async with asyncio.TaskGroup() as group:
            b.run(group)
            await until(lambda: a.row(b).path == "direct", deadline_s=20)
            assert await a.ask(b) == b"hello"
            await b.stop()


async def test_a_host_that_is_gone_is_suspect_then_down_and_keeps_its_figures(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.cluster.fleet.SUSPECT_S", 1.5)
    monkeypatch.setattr("viscript.cluster.fleet.DOWN_S", 3.0)
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        await until(lambda: a.row(b).apps_total == 2)
        await b.stop()
        await until(lambda: a.sees(b, Reach.DOWN))
        states = [state for label, state in a.changes if label == "h2"]
        assert states[-2:] == [Reach.SUSPECT, Reach.DOWN]
        assert (a.row(b).apps_up, a.row(b).version != "") == (1, True)
        assert (a.row(b).age_seconds or 0) >= 3.0
        with pytest.raises(HostAway, match="h2: "):
            await a.links.open(b.key, "door", 10)
        await a.stop()
        async with asyncio.TaskGroup() as group:
            a.run(group)
            await until(lambda: a.links.hosts()[1:])
            await until(lambda: a.row(b).apps_up == 1)
            assert a.row(b).state is Reach.SUSPECT
            with pytest.raises(HostAway, match=r"no connection within 0\.1 s|127\.0\.0\.1"):
                await a.links.open(b.key, "door", 0.1)
            await a.stop()


async def test_too_many_streams_to_one_host_are_refused_here(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        for _ in range(64):
            await a.links.open(b.key, "door", 10)
        with pytest.raises(HostAway, match="64 are under way"):
            await a.links.open(b.key, "door", 10)
        assert await b.ask(a) == b"hello"


async def test_a_kind_that_nobody_serves_is_refused_by_its_name(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        stream = await a.links.open(b.key, "news", 10)
        with pytest.raises(StreamRefused, match="unsupported"):
            await stream.read()


async def test_a_host_that_leaves_opens_no_door_and_knows_nobody(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        await b.book.leave()
        await until(lambda: a.row(b).path == "none")
        assert b.links.hosts() == []
        assert not (short_tmp / "h2.ipc").exists()
        with pytest.raises(HostAway):
            await b.links.open(a.key, "door", 1)


async def test_a_listener_that_fails_keeps_no_other_from_hearing(short_tmp: Path) -> None:
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):

        def broken(row: object) -> None:
            raise LookupError("a bug")

        a.links._listeners.insert(0, broken)
        heard: list[str] = []
        unlisten = a.links.on_change(lambda row: heard.append(row.label))
        await a.book.take([vouched(C, CLUSTER, label="new")])
        await until(lambda: heard == ["new"])
        unlisten()
        await a.book.take([vouched(D, CLUSTER, label="later")])
        await until(lambda: len(a.links.hosts()) == 4)
        assert heard == ["new"]
        assert b.label == "h2"


async def test_a_door_that_cannot_be_opened_is_tried_again(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("viscript.cluster.links.links.TRY_AGAIN_S", 0.05)
    (short_tmp / "a.ipc").write_text("in the way")
    one = LinkedHost(A, "a", short_tmp)
    await one.open()
    await one.join(CLUSTER, vouched(A, CLUSTER, label="a"))
    async with asyncio.TaskGroup() as group:
        one.run(group)
        await until(lambda: "another process listens there" in caplog.text)
        (short_tmp / "a.ipc").unlink()
        await until(lambda: one.book.me and one.book.me.addresses)
        assert one.links.trouble == ""
        await one.stop()
    one.memory.close()


async def test_a_new_address_of_this_machine_is_told(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.cluster.links.links.ADDRESSES_S", 0.1)
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        moved = "tcp://127.0.0.9:7791"
        monkeypatch.setattr(a.links._listening, "addresses", lambda: (moved,))
        await until(lambda: b.row(a).addresses == (moved,))


async def test_who_is_put_out_loses_its_connection_and_the_others_come_back(short_tmp: Path) -> None:
    other, gone, asked = sorted((A, B, C), key=lambda one: one.public_key)  # the smaller keys dial
    async with linked(short_tmp, CLUSTER, asked, other, gone) as (a, b, c):
        before = a.links._board.best(b.key)
        assert before is not None
        assert not before.dialled
        await a.book.take([vouched(gone, CLUSTER, label=c.label, version=2, gone=True)])
        await until(lambda: before.over and a.sees(b) and a.links._board.best(b.key) is not None)
        assert before.ended == "renewed"
        assert await a.ask(b) == b"hello"


async def test_a_fault_on_the_way_keeps_no_host_from_being_met_later(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.cluster.links.links.TRY_AGAIN_S", 0.05)
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        faults: list[Exception] = [StoreError("the disk is gone"), OSError("no descriptors")]
        recall = a.links._remembering.recall

        async def faulty(keys: Collection[PublicKey]) -> None:
            if faults:
                raise faults.pop()
            await recall(keys)

        monkeypatch.setattr(a.links._remembering, "recall", faulty)
        await a.book.take([vouched(C, CLUSTER, label="new")])
        await until(lambda: C.public_key in a.links._diallings)
        assert faults == []
        await a.book.take([vouched(C, CLUSTER, label="new", version=2, gone=True)])
        await until(lambda: C.public_key not in a.links._diallings)
        assert await a.ask(b) == b"hello"


async def test_records_that_could_not_be_kept_are_kept_later(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.cluster.links.links.TRY_AGAIN_S", 0.05)
    async with linked(short_tmp, CLUSTER, A, B) as (a, _):
        faults: list[Exception] = [StoreError("the disk is full") for _ in range(3)]
        change = a.book._memory.change_records

        async def faulty(*given: Any) -> None:
            if faults:
                raise faults.pop()
            await change(*given)

        monkeypatch.setattr(a.book._memory, "change_records", faulty)
        with pytest.raises(StoreError):
            await a.book.take([vouched(C, CLUSTER, label="new")])
        await until(lambda: a.book._kept is a.book.roster)


async def test_without_a_descriptor_to_spare_the_links_go_on(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def none_left() -> bool:
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("viscript.cluster.links.links.ADDRESSES_S", 0.1)
    async with linked(short_tmp, CLUSTER, A, B) as (a, b):
        monkeypatch.setattr(a.links.own, "differs", none_left)
        await until(lambda: len(tries) >= 2)
        assert await a.ask(b, b"one") == b"one"
