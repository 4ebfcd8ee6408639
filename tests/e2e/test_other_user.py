"""An app that runs as another user than its daemon is on the bus, or refused with the reason."""

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import psutil

from tests.support.home import ScratchHome

PROGRAM = Path(__file__).parent / "programs" / "bare_client.py"
NOBODY = 65534


def open_to_all(path: str) -> bool:
    """Whether every user can execute this file: each folder above it lets them through."""
    real = Path(path).resolve()
    return all(stat.S_IMODE(each.stat().st_mode) & stat.S_IXOTH for each in (real, *real.parents))


def interpreter() -> str:
    """A Python that every user can run; this one may live in somebody's home."""
    names = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
    found = [name for name in names if Path(name).exists() and open_to_all(name)]
    assert found, "this test needs a Python that every user can run, such as /usr/bin/python3"
    return found[0]


def program(folder: Path) -> list[str]:
    """The client, in a folder that everybody can pass through."""
    folder.chmod(0o711)
    shutil.copy(PROGRAM, folder / "client.py")
    (folder / "client.py").chmod(0o644)
    return [interpreter(), f"{folder}/client.py"]


def app(command: list[str], **more: object) -> dict[str, object]:
    return {"command": command, "cwd": "/", "daemon": True, **more}


def test_an_app_of_another_user_is_on_the_bus_or_refused_with_the_reason(
    scratch_home: ScratchHome, short_tmp: Path
) -> None:
    scratch_home.root.chmod(0o711)
    guest = app(program(short_tmp), user="nobody", ready={"signal": True})
    scratch_home.start_daemon(json.dumps({"apps": {"guest": guest}}))
    started = scratch_home.viscript("s", "guest")
    if os.geteuid() != 0:
        assert started.code != 0
        assert "only root may run an app as another user" in started.out + started.err
        return
    assert "[1] guest is ready" in started.ok().out
    (row,) = scratch_home.viscript("la", "-o", "json").ok().json()
    assert psutil.Process(row["pid"]).uids().effective == NOBODY
    assert scratch_home.viscript("ping", "guest", "-o", "json").ok().json()["kind"] == "bus"
    (ended,) = scratch_home.viscript("sd", "guest", "-o", "json").ok().json()
    assert ended["rung"] == "bus"


def test_another_user_does_not_pass_for_an_app_that_is_not_its_own(
    scratch_home: ScratchHome, short_tmp: Path
) -> None:
    scratch_home.root.chmod(0o711)
    command = program(short_tmp)
    thief = app(["/bin/sh", "-c", f"VISCRIPT_SEQ=1 exec {' '.join(command)}"], restart={"policy": "never"})
    if os.geteuid() == 0:
        thief["user"] = "nobody"
    apps = {"mine": app(command, ready={"signal": True}), "thief": thief}
    scratch_home.start_daemon(json.dumps({"apps": apps}))
    scratch_home.viscript("s", "mine").ok()
    assert scratch_home.viscript("s", "thief").code != 0
    assert "wrong-process" in scratch_home.viscript("log", "thief").ok().out
    events = scratch_home.viscript("events", "-o", "json").ok().json()
    refused = [event for event in events if event["type"] == "bus.refused"]
    assert [(event["object"], event["data"]["code"]) for event in refused] == [("app/1", "wrong-process")]
    assert scratch_home.viscript("ping", "mine", "-o", "json").ok().json()["kind"] == "bus"
