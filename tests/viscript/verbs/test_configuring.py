import json
from pathlib import Path

import pytest
import yaml

from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.local import ask
from viscript.supervisor.api import PlanStep
from viscript.verbs.configuring import flat

GOOD = "apps:\n  web:\n    path: bin/web\n    env:\n      API_TOKEN: other-canary\n"
BAD = "apps:\n  web:\n    deamon: true\n    path: 7\n"


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    world = FakeWorld()
    world.config_file = str(tmp_path / "good.yaml")
    return world


async def test_apply_shows_the_plan(world: FakeWorld, tmp_path: Path) -> None:
    world.fake.plan = [PlanStep(action="restart", app="web", ids=(7,), reason="path changed")]
    said = await say(world, "apply --dry-run good.yaml", cwd=str(tmp_path))
    assert "restart  web  7    path changed" in said.out
    assert "dry run" in said.err
    assert world.fake.asked == [("apply", str(tmp_path / "good.yaml"), True)]


async def test_apply_with_a_step_that_failed_does_not_exit_with_0(world: FakeWorld) -> None:
    world.fake.plan = [
        PlanStep(action="restart", app="web", ids=(7,), reason="failed: 7: it runs on"),
        PlanStep(action="restart", app="job", ids=(8,), reason="path changed"),
    ]
    assert (await say(world, "apply")).code == ExitCode.FAILED


async def test_apply_without_a_file_takes_the_daemons_own(world: FakeWorld) -> None:
    assert (await say(world, "apply")).out == "nothing changes\n"
    assert world.fake.asked == [("apply", world.config_file, False)]
    world.config_file = ""
    assert (await say(world, "apply")).code == ExitCode.USAGE


async def test_a_bad_file_changes_nothing_and_tells_all_faults(world: FakeWorld, tmp_path: Path) -> None:
    said = await say(world, "apply bad.yaml", cwd=str(tmp_path))
    assert (said.code, world.fake.asked) == (ExitCode.BAD_CONFIG, [])
    assert "bad.yaml:3:5" in said.err
    assert "bad.yaml:4" in said.err


async def test_check_prints_the_path_as_given_and_lists_faults(tmp_path: Path, world: FakeWorld) -> None:
    said = await say(world, "config check bad.yaml", cwd=str(tmp_path))
    assert said.code == ExitCode.BAD_CONFIG
    assert said.out.startswith("bad.yaml:3:5:")
    faults = (await say(world, "config check bad.yaml -o json", cwd=str(tmp_path))).json()
    assert {"file", "line", "column", "path", "message", "suggestion"} == set(faults[0])
    assert (faults[0]["file"], faults[0]["line"]) == ("bad.yaml", 3)


async def test_a_good_file_has_no_faults(tmp_path: Path, world: FakeWorld) -> None:
    said = await say(world, "config check good.yaml", cwd=str(tmp_path))
    assert (said.code, said.out) == (0, "good.yaml: no faults\n")
    assert (await say(world, "config check good.yaml -o json", cwd=str(tmp_path))).json() == []


async def test_a_wrong_setting_of_a_plugin_is_a_fault_with_its_line(world: FakeWorld, tmp_path: Path) -> None:
    text = "plugins:\n  settings:\n    mesh:\n      listn: 0.0.0.0:7777\n"
    (tmp_path / "bad.yaml").write_text(text)
    said = await say(world, "config check bad.yaml", cwd=str(tmp_path))
    assert said.code == ExitCode.BAD_CONFIG
    assert said.out.startswith("bad.yaml:4:7: plugins.settings.mesh.listn: unknown key")


async def test_check_finds_the_file_or_says_where_it_looked(tmp_path: Path, world: FakeWorld) -> None:
    environ = {"VISCRIPT_HOME": str(tmp_path / "h"), "HOME": str(tmp_path)}
    said = await say(world, "config check", cwd=str(tmp_path), environ=environ)
    assert (said.code, "config.yaml" in said.err) == (ExitCode.NOT_FOUND, True)
    (tmp_path / "config.yaml").write_text(GOOD)
    assert (await say(world, "config check", cwd=str(tmp_path), environ=environ)).code == 0


@pytest.mark.parametrize(
    "command", ["config show", "config show --origin", "config diff", "config show -o json"]
)
async def test_no_secret_of_the_configuration_is_shown(world: FakeWorld, command: str) -> None:
    said = await say(world, command)
    assert said.code == 0
    assert "canary" not in said.out + said.err


async def test_show_is_the_active_configuration(world: FakeWorld) -> None:
    assert yaml.safe_load((await say(world, "config show")).out)["apps"]["web"]["path"] == "bin/web"


async def test_show_tells_where_a_value_came_from(world: FakeWorld) -> None:
    rows = (await say(world, "config show --origin -o json")).json()
    (row,) = [row for row in rows if row["path"] == "apps.web.path"]
    assert "good.yaml:3" in row["origin"]


async def test_diff_tells_what_differs(world: FakeWorld, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(GOOD.replace("bin/web", "bin/new"))
    rows = (await say(world, "config diff other.yaml -o json", cwd=str(tmp_path))).json()
    assert {"path": "apps.web.path", "active": "bin/web", "file": "bin/new"} in rows
    assert (await say(world, "config diff bad.yaml", cwd=str(tmp_path))).code == ExitCode.BAD_CONFIG


async def test_keys_are_explained_and_the_schema_is_printed(world: FakeWorld) -> None:
    assert "delay" in (await say(world, "config explain apps.restart.delay")).out
    assert "$defs" in (await say(world, "config schema -o json")).json()


def test_nested_values_become_paths() -> None:
    assert flat({"a": {"b": [1], "c": {}}, "d": 2}) == {"a.b": [1], "a.c": {}, "d": 2}


async def test_force_is_passed_on(world: FakeWorld) -> None:
    await say(world, "apply --force")
    assert world.fake.asked == [("apply", world.config_file, False, "force")]


async def test_apply_tells_what_the_next_daemon_reads(world: FakeWorld, tmp_path: Path) -> None:
    (tmp_path / "bus.yaml").write_text(f"bus: {{tcp: 127.0.0.1:7700}}\n{GOOD}")
    said = await say(world, "apply bus.yaml", cwd=str(tmp_path))
    assert said.err.startswith("bus.tcp: read when a daemon starts; `daemon upgrade` starts one")
    assert (await say(world, "apply good.yaml", cwd=str(tmp_path))).err == ""


async def test_apply_tells_what_takes_effect_later(world: FakeWorld, tmp_path: Path) -> None:
    await say(world, "apply good.yaml", cwd=str(tmp_path))
    more = "cluster: {labels: {role: edge}}\nplugins: {settings: {mesh: {serve: 10.0.0.1}, chat: {}}}\n"
    (tmp_path / "more.yaml").write_text(more + GOOD)
    said = await say(world, "apply more.yaml", cwd=str(tmp_path))
    assert "cluster: read when a daemon starts; `daemon upgrade` starts one" in said.err
    assert "plugins.settings.mesh: what runs goes on as it is; its apps read it when they start" in said.err
    assert "nothing changes" not in said.out


async def test_diff_leaves_out_the_defaults_of_an_app_that_is_new(world: FakeWorld, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        GOOD.replace("other-canary", "canary") + "  new:\n    path: bin/new\n"
    )
    rows = (await say(world, "config diff more.yaml -o json", cwd=str(tmp_path))).json()
    assert rows == [{"path": "apps.new.path", "active": None, "file": "bin/new"}]


class Placed:
    """What a daemon has of the apps that its file has the cluster run."""

    def __init__(self) -> None:
        self.settled: list[bool] = []

    def steps(self, loaded: object) -> list[PlanStep]:
        return [
            PlanStep(action="add", app="far", reason="new; on any"),
            PlanStep(action="update", app="held", reason="changed: count"),
        ]

    async def settle(self, *, again: bool) -> list[PlanStep]:
        self.settled.append(again)
        return [
            PlanStep(action="unchanged", app="far", reason="ordered on any"),  # by another look meanwhile
            PlanStep(action="update", app="held", reason="failed: the store is away", withheld=True),
        ]


async def test_apply_tells_what_is_ordered_from_the_cluster_and_what_could_not_be(world: FakeWorld) -> None:
    placing = Placed()
    world.placing = placing  # type: ignore[attr-defined]  # as the daemon's
    world.fake.plan = [PlanStep(action="restart", app="web", ids=(7,), reason="path changed")]
    rows = (await say(world, "apply --dry-run -o json")).json()
    assert [(row["action"], row["app"]) for row in rows] == [
        ("restart", "web"),
        ("add", "far"),
        ("update", "held"),
    ]
    assert placing.settled == []
    said = await say(world, "apply -o json")
    told = {row["app"]: row["reason"] for row in said.json()}
    assert said.code == ExitCode.FAILED
    assert (told["far"], told["held"]) == ("new; on any", "failed: the store is away")
    assert placing.settled == [True]


PLACED = "apps:\n  web: {path: bin/web, host: any}\n"


async def test_check_says_what_would_not_stand_as_the_file_says(
    tmp_path: Path, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "placed.yaml").write_text(PLACED)
    asked: list[list[str]] = []
    rows = [
        {"app": "web", "reason": "the file of h2 ordered it first", "withheld": True},
        {"app": "own", "reason": "new", "withheld": False},
    ]

    def answer(client: object, argv: list[str]) -> ask.Answer:
        asked.append(argv)
        return ask.Answer(0, json.dumps(rows) if len(asked) == 1 else '{"error": {}}', "")

    monkeypatch.setattr(ask, "ask", answer)
    said = await say(world, "config check placed.yaml", cwd=str(tmp_path))
    assert (said.code, said.out) == (0, "placed.yaml: no faults\n")
    assert "web: the file of h2 ordered it first" in said.err
    assert "own" not in said.err
    assert asked == [["apply", "--dry-run", str(tmp_path / "placed.yaml"), "-o", "json"]]
    assert (await say(world, "config check placed.yaml", cwd=str(tmp_path))).err == ""


async def test_check_without_a_daemon_says_what_it_does_not_know(tmp_path: Path, world: FakeWorld) -> None:
    (tmp_path / "placed.yaml").write_text(PLACED)
    environ = {"VISCRIPT_HOME": str(tmp_path / "nowhere")}
    said = await say(world, "config check placed.yaml", cwd=str(tmp_path), environ=environ)
    assert said.code == 0
    assert "no daemon runs here" in said.err
