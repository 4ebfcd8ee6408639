"""A plugin file dropped into a running home, from `apps` to `sd`, with bad ones beside it."""

import json
import os
import urllib.request
from pathlib import Path

from tests.support.home import ScratchHome

ROOT = Path(__file__).resolve().parents[2]

BAD = {
    "raises": "raise RuntimeError('no such luck')\n",
    "blocks": "import time\ntime.sleep(60)\n",
    "spins": "while True:\n    pass\n",
    "leaves": "import os\nos._exit(3)\n",
}

VERB = '''
"""A verb that asks the daemon and an app."""

from viscript.plugin import VerbSpec, hookimpl


async def tracked(call):
    rows = []
    for app in await call.run("la"):
        services = await call.rpc(str(app["id"]), "find")
        rows.append({"app": app["name"], "services": len(services)})
    return rows


@hookimpl
def viscript_register_verbs(register):
    register(VerbSpec(name="tracked", summary="counts", columns=("app", "services")), tracked)
'''


def drop(home: ScratchHome, name: str, text: str) -> None:
    folder = home.root / "plugins"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def test_the_file_of_the_tutorial_runs_in_a_daemon_that_never_restarted(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon()
    assert scratch_home.viscript("s", "goodday").code == 5
    for name, text in BAD.items():
        drop(scratch_home, name, text)
    text = (ROOT / "plugins" / "helloworld.py").read_text()
    drop(scratch_home, "goodday", text.replace("def helloworld", "def goodday"))
    apps = {app["name"]: app for app in scratch_home.viscript("apps", "-o", "json").ok().json()}
    assert apps["goodday"]["source"] == "plugin goodday"
    assert "[1] who to greet" in scratch_home.viscript("help", "goodday").ok().out
    started = scratch_home.viscript("s", "goodday", "Mike", "-o", "json").ok().json()
    assert started["state"] in ("running", "ready")
    assert scratch_home.viscript("ping", "goodday", "-o", "json").ok().json()["kind"] == "bus"
    assert scratch_home.viscript("log", "goodday").ok().out == "Hello Mike!\n"
    (ended,) = scratch_home.viscript("sd", "goodday", "-o", "json").ok().json()
    assert (ended["exit"]["code"], ended["rung"]) == (0, "bus")
    states = {one["name"]: one["state"] for one in scratch_home.viscript("plugins", "-o", "json").ok().json()}
    assert states["goodday"] == states["apptracker"] == "loaded"
    assert all(states[name] in ("broken", "loading") for name in BAD)
    assert "no such luck" in scratch_home.viscript("plugins", "show", "raises").ok().out
    assert scratch_home.daemon_pid() == pid


def test_a_plugins_verb_asks_apps_through_the_daemon(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon()
    port = 21000 + os.getpid() % 4000
    scratch_home.viscript("s", "apptracker", f"127.0.0.1:{port}").ok()
    body = json.dumps({"name": "chat", "type": "web", "address": "10.0.0.1:80"}).encode()
    url = f"http://127.0.0.1:{port}/services"
    offer = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(offer, timeout=5) as answer:
        assert answer.status == 201
    drop(scratch_home, "counting", VERB)
    scratch_home.viscript("plugins").ok()
    assert scratch_home.viscript("tracked", "-o", "json").ok().json() == [
        {"app": "apptracker", "services": 1}
    ]
    assert scratch_home.viscript("tracked", "-o", "name").ok().out == "apptracker\n"
    taken = scratch_home.viscript("s", "apptracker", f"127.0.0.1:{port}")
    assert taken.code == 1
    drop(scratch_home, "counting", VERB.replace('name="tracked"', 'name="counted"'))
    scratch_home.viscript("plugins").ok()
    assert scratch_home.viscript("tracked").code == 2
    assert scratch_home.viscript("counted").code != 2
