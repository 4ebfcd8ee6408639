"""The verbs of the mesh at a real daemon, with a visor that answers the same each time."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.support.fake_visor import JOE, LINK, MIKE
from tests.support.home import ScratchHome

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "docs" / "reference" / "mesh-schemas"
CONFIG = f"""\
apps:
  visor:
    command: [{json.dumps(sys.executable)}, "-m", tests.support.fake_visor]
    cwd: {json.dumps(str(ROOT))}
    ready: {{signal: true}}
"""
VERBS = {
    "peers": "peers",
    "tp ls": "tp ls",
    "tp add": f"tp add {MIKE}@10.0.0.2:7777",
    "tp rm": "tp rm 5d5a",
    "tp types": "tp types",
    "route ls": "route ls",
    "route find": "route find mike --min-hops 2",
    "route rules": "route rules",
    "route groups": "route groups",
    "mesh map": "mesh map",
    "mesh check": "mesh check",
    "mesh name": "mesh name mike mike",
    "mesh conns": "mesh conns",
    "meter": "meter --since 2026-11-01",
    "meter verify": "meter verify",
    "meter links": "meter links",
    "services": "services vpn --name vpn",
    "msg": "msg",
}


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    scratch_home.start_daemon(CONFIG)
    scratch_home.viscript("s", "visor").ok()
    return scratch_home


def test_every_form_of_every_verb_is_as_published(home: ScratchHome) -> None:
    for name, words in VERBS.items():
        schema = json.loads((SCHEMAS / f"{name.replace(' ', '-')}.json").read_text())
        jsonschema.validate(home.viscript(*words.split(), "-o", "json").ok().json(), schema)
    script = "; ".join(f"{words} -o {form}" for words in VERBS.values() for form in ("jsonl", "yaml", "wide"))
    home.viscript("-c", script).ok()


def test_people_read_sentences_and_tables(home: ScratchHome) -> None:
    said = (
        home.viscript("-c", "tp; tp rm 5d5a; msg mike Hello Mike!; rtfind mike; node ls-tp; route").ok().out
    )
    assert f"transport {LINK} to mike is gone" in said
    assert "message m2 is sent" in said
    assert f"2 links, cost 200: this node -> mike 1.2 ms -> {JOE[:12]} 34.0 ms" in said
    assert len(re.findall(r"mike +up ", said)) == 2
    assert home.viscript("tp", "ls", "-o", "name").ok().out.split() == [LINK, LINK.replace("5d5a", "6e6b")]


def test_a_peer_is_pinged_by_key_and_by_name(home: ScratchHome) -> None:
    assert home.viscript("ping", MIKE).ok().out == f"{MIKE} answered in 1.00 ms (direct)\n"
    assert home.viscript("ping", "peer:mike", "-c", "3", "-o", "json").ok().json()["count"] == 3
    assert home.viscript("ping", "peer:nobody").code == 5


def test_the_same_faults_have_the_same_codes(home: ScratchHome) -> None:
    unknown = home.viscript("tp", "add", "nobody", "-o", "json")
    assert (unknown.code, unknown.json()["error"]["text"]) == (5, "no peer is called nobody")
    assert home.viscript("route", "find", JOE).code == 5
    assert home.viscript("tp", "dance").code == 2
    home.viscript("sd", "visor").ok()
    absent = home.viscript("peers")
    assert absent.code == 3
    assert "no visor runs" in absent.err
    assert "s visor" in absent.err
    assert home.viscript("ping", MIKE).code == 3
