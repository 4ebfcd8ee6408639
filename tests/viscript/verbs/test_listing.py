import msgspec
import pytest

from tests.support.fake_world import NOW, FakeWorld, entry, instance
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State
from viscript.supervisor.api import Condition, Exit


@pytest.fixture
def world() -> FakeWorld:
    retry = instance(
        8, "web", State.BACKOFF, retry_at=NOW + 3, last_exit=Exit(signal=11), reason="it crashed"
    )
    secret = instance(7, "apptracker", args=("--token", "canary"))
    return FakeWorld(secret, retry, instance(9, "old", State.DONE))


async def test_the_list_shows_what_runs(world: FakeWorld) -> None:
    lines = (await say(world, "la")).out.splitlines()
    assert lines[0].split()[:4] == ["ID", "NAME", "STATE", "PID"]
    assert "running 1m00s" in lines[1]
    assert "backoff, again in 3.0s" in lines[2]
    assert len(lines) == 3


async def test_the_list_has_the_published_fields(world: FakeWorld) -> None:
    row = (await say(world, "la -o json")).json()[0]
    published = {
        "id", "generation", "name", "app", "state", "since", "pid", "uptime_seconds", "restarts",
        "cpu_percent", "rss_bytes", "last_exit", "conditions", "host",
    }  # fmt: skip
    assert published <= set(row)
    assert (row["uptime_seconds"], row["rss_bytes"], row["last_exit"]) == (60.0, 1048576, None)


async def test_ended_ones_are_shown_when_asked(world: FakeWorld) -> None:
    assert [row["id"] for row in (await say(world, "la -a -o json")).json()] == [7, 8, 9]


@pytest.mark.parametrize("command", ["la -f", "la -o json", "la -o wide", "la -o yaml", "status 7"])
async def test_no_secret_of_a_command_line_is_shown(world: FakeWorld, command: str) -> None:
    assert "canary" not in (await say(world, command)).out


async def test_the_full_list_shows_the_command_line(world: FakeWorld) -> None:
    assert "/bin/apptracker --token" in (await say(world, "la -f")).out


async def test_names_only_are_ids(world: FakeWorld) -> None:
    assert (await say(world, "la -o name")).out == "7\n8\n"


async def test_apps_are_sorted_and_count_what_runs(world: FakeWorld) -> None:
    rows = (await say(world, "apps -o json")).json()
    assert [(row["name"], row["running"]) for row in rows] == [
        ("apptracker", 1),
        ("bad", 0),
        ("web", 0),
    ]  # web crashes in a loop


@pytest.mark.parametrize(
    "pattern, names", [("web", ["web"]), ("*t*", ["apptracker"]), ("a", ["apptracker", "bad"])]
)
async def test_apps_may_be_filtered(world: FakeWorld, pattern: str, names: list[str]) -> None:
    assert (await say(world, ["apps", pattern, "-o", "name"])).out.split() == names


async def test_a_filter_that_fits_nothing_is_told(world: FakeWorld) -> None:
    assert (await say(world, "apps zzz")).code == ExitCode.NOT_FOUND


async def test_the_long_list_of_apps_shows_their_command(world: FakeWorld) -> None:
    assert "/bin/web" in (await say(world, "apps -l")).out


async def test_a_secret_on_a_command_line_is_hidden_in_the_list_of_apps(world: FakeWorld) -> None:
    spec = entry("db", default_args=("canary", "--password=canary", "-v"))
    world.fake.entries["db"] = msgspec.structs.replace(spec, argv=("/bin/db", "--token"))
    for command in ("apps -l", "apps db -o json", "help db"):
        said = await say(world, command)
        assert "canary" not in said.out
    (row,) = (await say(world, "apps db -o json")).json()
    assert row["argv"] == ["/bin/db", "--token"]
    assert row["default_args"] == ["(hidden)", "--password=(hidden)", "-v"]


async def test_status_tells_all_of_one(world: FakeWorld) -> None:
    said = await say(world, "st 8")
    assert said.code == ExitCode.NOT_HEALTHY
    assert "reason     it crashed" in said.out
    assert "last exit  signal 11 (SIGSEGV)" in said.out


async def test_status_is_3_for_an_app_that_is_not_healthy(world: FakeWorld) -> None:
    assert (await say(world, "st 7")).code == 0
    world.fake.change(7, conditions=(Condition(type="Healthy", status=False, reason="no answer"),))
    assert (await say(world, "st 7")).code == ExitCode.NOT_HEALTHY
    assert (await say(world, "st 9")).code == 0


async def test_status_of_all_is_a_table(world: FakeWorld) -> None:
    assert (await say(world, "st")).out.startswith("ID  NAME")


async def test_the_next_run_is_shown_with_its_time_and_the_wait() -> None:
    world = FakeWorld(
        instance(1, "job", State.DONE, pid=None, next_run=NOW + 240),
        instance(2, "new", State.STOPPED, pid=None, next_run=NOW + 60),
        instance(3, "busy", next_run=NOW + 30),
    )
    table = (await say(world, "la -a")).out.splitlines()
    assert "done, next run in 4m00s" in table[1]
    assert "stopped, next run in 1m00s" in table[2]
    assert "running 1m00s" in table[3]
    status = await say(world, "status 1 2")
    assert status.code == 0
    assert ", in 4m00s" in status.out
    row = (await say(world, "status 1 -o json")).json()[0]
    assert (row["next_run"], row["next_run_seconds"]) == (NOW + 240, 240.0)


async def test_a_command_line_is_shown_as_it_would_be_typed() -> None:
    argv = ("sh", "-c", "echo hi; date", "")
    world = FakeWorld(instance(7, "web", argv=argv))
    assert "sh -c 'echo hi; date' ''" in (await say(world, "status 7")).out


@pytest.mark.parametrize("due, told", [(1, "next run in 1.0s"), (9, "again in 3.0s")])
async def test_of_a_pause_and_a_schedule_the_sooner_is_shown(due: float, told: str) -> None:
    world = FakeWorld(instance(8, "web", State.BACKOFF, retry_at=NOW + 3, next_run=NOW + due))
    assert f"backoff, {told}" in (await say(world, "la")).out
