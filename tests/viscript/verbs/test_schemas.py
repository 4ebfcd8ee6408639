import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.audits import AuditInMemory
from tests.support.desired import cluster, quick
from tests.support.fake_world import NOW, FakeWorld, entry, instance
from tests.support.far_hosts import FakeHost, FakeLinks, state
from tests.support.verbs import say
from viscript.cluster.desired.ordering import Ordering
from viscript.cluster.far.far import Far
from viscript.states import State
from viscript.statestore.access import Access
from viscript.statestore.held import HeldStore
from viscript.statestore.open import open_store
from viscript.supervisor.api import Exit, PlanStep
from viscript.verbs.core import builtin
from viscript.verbs.schemas import file_name, files, write

FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "schemas"

READS = {
    "start": ["s apptracker"],
    "run": ["run /bin/sh"],
    "restart": ["rs 7", "rs all"],
    "shutdown": ["sd 7", "sd all"],
    "kill": ["kill 7"],
    "apps": ["apps"],
    "list_apps": ["la", "la -a"],
    "status": ["st", "st 8"],
    "ping": ["ping 7", "ping 9 -c 2 -i 0"],
    "res_usage": ["ru", "ru 7 --tree"],
    "why": ["why 8", "why all"],
    "logs": ["log 7"],
    "events": ["ev"],
    "detach": ["dt 7"],
    "signal": ["sig 7 HUP"],
    "send": ["send 7 x"],
    "rpc": ["rpc 7", "rpc 7 find"],
    "wait": ["wait 7"],
    "enable": ["en 7"],
    "disable": ["dis 7"],
    "clear_failed": ["cf 8"],
    "scale": ["scale web 1"],
    "deps": ["deps"],
    "apply": ["apply"],
    "config check": ["config check"],
    "config show": ["config show", "config show --origin"],
    "config diff": ["config diff"],
    "config explain": ["config explain apps"],
    "config schema": ["config schema"],
    "plugins": ["plugins"],
    "plugins show": ["plugins show helloworld"],
    "plugins reload": ["plugins reload"],
    "plugins doctor": ["plugins doctor"],
    "plugins new": ["plugins new hello"],
    "daemon status": ["daemon status"],
    "daemon stop": ["daemon stop"],
    "whoami": ["whoami"],
    "version": ["version"],
    "help": ["help", "help ping"],
    "store status": ["store status"],
    "audit": ["audit"],
    "hosts": ["hosts", "ho"],
    "on": ["on @all la", "on @all why 99"],
    "audit verify": ["audit verify"],
}
IN_PAIRS = {  # see test_pairing.py, which has two homes, and test_clusters.py, which has two clusters
    "peer key", "peer listen", "peer cluster", "peer accept", "peer refuse", "peer rm", "peer ls",
    "host invite", "host join", "host approve", "host refuse", "host pending", "host forget", "host leave",
}  # fmt: skip
OF_A_CLUSTER = {  # one after the other, on two hosts that share a store
    "deploy": "deploy web --place h1",
    "deploy ls": "deploy ls",
    "deploy restart": "deploy restart web",
    "deploy rm": "deploy rm web",
    "deploy draft": "deploy draft 7",
    "mv": "mv 7 h2",
    "host pause": "host pause h2",
    "host resume": "host resume h2",
    "host drain": "host drain h2",
}
BY_THE_CLIENT = {"demo", "doctor", "prove", "store migrate"}


def published(name: str) -> Any:
    return json.loads((FOLDER / file_name(name)).read_text())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[FakeWorld]:
    grouped = instance(7, "web", entry=entry("web", group="front"))
    failed = instance(8, "bad", State.FATAL, last_exit=Exit(signal=11))
    world = FakeWorld(grouped, failed, instance(9, "plain", registered=False))
    world.events.tell("app.fatal", "app/8", now=NOW, reason="signal 11", signal=11)
    world.fake.plan = [PlanStep(action="add", app="web")]
    (tmp_path / "config.yaml").write_text("apps: {}\n")
    world.config_file = str(tmp_path / "config.yaml")
    world.audit = AuditInMemory()
    world.links = FakeLinks("here", [FakeHost("here", world, state("here"))])
    world.far = Far(lambda: world.links, lambda work: work.close())
    world.store = HeldStore("sqlite /h/store.db", lambda: open_store("sqlite://", Access(), home=tmp_path))
    await say(world, "sd 99")
    yield world
    world.audit.close()
    await world.store.close()


def test_the_published_schemas_are_those_of_the_table() -> None:
    there = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert there == files(builtin()), "run python -m viscript.verbs.reference docs/reference"


def test_every_schema_is_one() -> None:
    for text in files(builtin()).values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_verb_with_a_result_is_tried_here() -> None:
    assert {verb.name for verb in builtin() if verb.result is not None} == set(
        READS
    ) | BY_THE_CLIENT | IN_PAIRS | set(OF_A_CLUSTER)


@pytest.mark.parametrize("name", READS)
async def test_the_answer_is_what_the_schema_says(name: str, world: FakeWorld, tmp_path: Path) -> None:
    for command in READS[name]:
        said = await say(world, f"{command} -o json", cwd=str(tmp_path), environ={"PATH": "/bin"})
        assert "error" not in said.out[:20], said.err
        jsonschema.validate(said.json(), published(name))


async def test_the_answers_of_a_cluster_are_what_their_schemas_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as two:
        first = two.hosts["h1"]
        world = FakeWorld(instance(7, "plain", app="apptracker"))
        world.desired = (first.side, Ordering(first.side, first.identity))
        for name, command in OF_A_CLUSTER.items():
            said = await say(world, f"{command} -o json")
            assert said.code == 0, said.err
            jsonschema.validate(said.json(), published(name))


@pytest.mark.parametrize("command", ["ping 70", "pnig", "s bad", "ping 8", "apply nothing.yaml"])
async def test_an_error_is_what_the_schema_says(command: str, world: FakeWorld, tmp_path: Path) -> None:
    said = await say(world, f"{command} -o json", cwd=str(tmp_path))
    assert said.code
    jsonschema.validate(said.json(), published("error"))


@pytest.mark.parametrize("form", ["table", "wide", "jsonl", "yaml", "name"])
@pytest.mark.parametrize("name", READS)
async def test_every_form_works_for_every_verb(
    name: str, form: str, world: FakeWorld, tmp_path: Path
) -> None:
    said = await say(world, f"{READS[name][0]} -o {form}", cwd=str(tmp_path), environ={"PATH": "/bin"})
    assert "failed inside viscript" not in said.err


def test_writing_gives_what_is_published(tmp_path: Path) -> None:
    write(builtin(), tmp_path / "s")
    assert {path.name for path in (tmp_path / "s").iterdir()} == {path.name for path in FOLDER.iterdir()}
