from dataclasses import replace

import pytest

from signal_bus.ids import PublicKey
from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript import __version__
from viscript.cluster.links.api import HostState, Reach
from viscript.statestore.errors import StoreAway
from viscript.verbs.hosting import few_files
from viscript.verbs.table import Role

HERE = HostState(
    label="here", key=PublicKey(bytes(32)), state=Reach.UP, local=True, role=Role.ADMIN, last_seen=1000.0,
    age_seconds=0.0, version=__version__, apps_up=3, apps_total=4, cpu_percent=1.5, memory_bytes=1 << 30,
    memory_total=4 << 30, path="direct", clock_offset_seconds=0.0,
)  # fmt: skip
EDGE = replace(
    HERE, label="edge", key=PublicKey(bytes([1]) * 32), local=False, role=Role.VIEW, labels={"role": "edge"},
    clock_offset_seconds=0.1, addresses=("tcp://10.0.0.2:7791",),
)  # fmt: skip


class FakeLinks:
    """Links that see what a test says."""

    trouble = ""

    def __init__(self, *hosts: HostState) -> None:
        self._hosts = list(hosts)

    def hosts(self) -> list[HostState]:
        return self._hosts


class FakeStore:
    """A store that is away once it has a fault."""

    name = "host://here"
    fault: StoreAway | None = None

    def standing(self) -> str:
        return "away for 12 s: down"


def world(*hosts: HostState) -> FakeWorld:
    made = FakeWorld()
    made.links = FakeLinks(*hosts)
    return made


async def test_every_host_has_its_row() -> None:
    said = await say(world(HERE, EDGE), "hosts")
    head, here, edge = said.out.splitlines()
    assert head.split() == ["HOST", "STATE", "SEEN", "APPS", "CPU%", "MEMORY", "PATH", "CLOCK", "VERSION"]
    assert here.split()[:5] == ["here", "*", "up", "now", "3/4"]
    assert "1.0 GiB (25%)" in edge
    assert edge.split()[-3:] == ["direct", "same", __version__]


def test_files_that_many_hosts_may_take_are_counted() -> None:
    assert few_files(3, 1024) == few_files(10_000, -1) == ""
    assert few_files(153, 1024) == ""
    assert "154 hosts may take 1026 open files, and this daemon may open 1024" in few_files(154, 1024)


async def test_a_daemon_that_may_run_out_of_files_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viscript.verbs.hosting.resource.getrlimit", lambda which: (200, 200))
    assert "raise the hard limit" in (await say(world(HERE, EDGE), "hosts")).err


async def test_what_was_said_last_stays_with_its_age() -> None:
    gone = replace(EDGE, state=Reach.DOWN, age_seconds=75.0, path="none")
    edge = (await say(world(HERE, gone), "ho")).out.splitlines()[2]
    assert edge.split()[:5] == ["edge", "down", "1m15s", "ago", "3/4"]


async def test_a_host_that_has_just_hung_up_is_not_shown_as_heard_now() -> None:
    left = replace(EDGE, path="none", age_seconds=2.0)
    assert (await say(world(left), "hosts")).out.splitlines()[1].split()[:4] == ["edge", "up", "2.0s", "ago"]


async def test_why_there_is_no_connection_is_said() -> None:
    gone = replace(EDGE, state=Reach.DOWN, path="none", why="tcp://10.0.0.2:7791: Connection refused")
    assert gone.why in (await say(world(gone), "hosts -o wide")).out
    assert (await say(world(gone), "hosts -o json")).json()[0]["why"] == gone.why


async def test_a_host_never_heard_has_no_figures() -> None:
    never = HostState(label="new", key=EDGE.key, state=Reach.SUSPECT)
    assert (await say(world(never), "hosts")).out.splitlines()[1].split() == [
        "new", "suspect", "never", "-", "-", "-", "none", "-", "-",
    ]  # fmt: skip


async def test_a_clock_that_is_far_off_is_told_as_a_time() -> None:
    for offset, shown in ((-34560000.0, "-400d0h"), (3600.4, "+1h00m"), (119.0, "+119.0s")):
        line = (await say(world(replace(EDGE, clock_offset_seconds=offset)), "hosts")).out.splitlines()[1]
        assert shown in line.split()


async def test_another_version_and_another_time_are_marked() -> None:
    other = replace(EDGE, version="9.9", clock_offset_seconds=-61.0, draining=True)
    line = (await say(world(other), "hosts")).out.splitlines()[1]
    assert "up, draining" in line
    assert line.split()[-3:] == ["-61.0s", "9.9", "(other)"]
    plain = replace(EDGE, memory_total=None)
    assert "1.0 GiB " in (await say(world(plain), "hosts")).out


async def test_a_program_gets_all_of_it() -> None:
    (row,) = (await say(world(EDGE), "hosts -o json")).json()
    assert row["public_key"] == "01" * 32
    assert row["skew"] is False
    assert (row["state"], row["path"], row["role"], row["labels"]) == (
        "up",
        "direct",
        "view",
        {"role": "edge"},
    )
    assert {"last_seen", "age_seconds", "apps_up", "apps_total", "cpu_percent", "memory_bytes"} < row.keys()
    assert "role=edge" in (await say(world(EDGE), "hosts -o wide")).out
    assert (await say(world(EDGE), "hosts -o name")).out == "edge\n"


async def test_a_host_in_no_cluster_says_how_to_begin_one() -> None:
    for alone in (FakeWorld(), world()):
        assert (await say(alone, "hosts")).out == "this host is in no cluster; begin one with: host invite\n"
        assert (await say(alone, "hosts -o json")).json() == []


async def test_a_door_that_cannot_be_opened_is_said() -> None:
    made = world(HERE)
    made.links.trouble = "tcp://10.0.0.1:7791: Address already in use"
    said = await say(made, "hosts")
    assert "this host cannot be reached by others: tcp://10.0.0.1:7791" in said.err


async def test_a_store_that_is_away_is_said_below_the_hosts() -> None:
    made = world(HERE, EDGE)
    made.store = FakeStore()
    assert (await say(made, "hosts")).err == ""
    made.store.fault = StoreAway("the store of here is away: down")
    assert "the state store host://here is away for 12 s: down; orders wait" in (await say(made, "hosts")).err
