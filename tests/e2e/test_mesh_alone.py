"""`s visor` on a host alone: all it needs comes up and is found, and every verb has its published form."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.home import ScratchHome
from tests.support.wait import eventually

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "mesh-schemas"
CONFIG = """\
apps: {}
plugins:
  settings:
    mesh: {listen: "127.0.77.1:7777", serve: 127.0.77.1}
"""
READS = (
    "peers", "tp ls", "tp types", "route ls", "route rules", "route groups",
    "mesh map", "mesh check", "services", "msg",
)  # fmt: skip


def healthy(home: ScratchHome) -> Any:
    """The rows of `mesh check` where none fails."""
    answer = home.viscript("mesh", "check", "-o", "json")
    return answer.json() if answer.code == 0 else None


def test_one_command_brings_up_a_whole_node(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(CONFIG)
    scratch_home.viscript("s", "meshnet-node", timeout=90).ok()
    checks = eventually(lambda: healthy(scratch_home))  # the messenger is dialled in its own time
    status = {row["check"]: row["status"] for row in checks}
    assert {status[name] for name in ("directory", "setup", "messengers")} == {"pass"}
    running = {row["name"]: row["state"] for row in scratch_home.viscript("la", "-o", "json").ok().json()}
    assert running == dict.fromkeys(("visor", "node-manager", "setup-node", "messenger"), "ready")
    for name in READS:
        schema = json.loads((SCHEMAS / f"{name.replace(' ', '-')}.json").read_text())
        jsonschema.validate(scratch_home.viscript(*name.split(), "-o", "json").ok().json(), schema)
    scratch_home.viscript("sd", "all").ok()
