"""Forwarding by its verbs: two homes, as two people use them, with mistakes, kills and restarts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
CONFIG = """\
apps: {}
plugins:
  settings:
    mesh: {listen: "%s", alone: true}
"""


@pytest.fixture
def joe(scratch_home: ScratchHome) -> ScratchHome:
    scratch_home.start_daemon(CONFIG % "127.0.77.5:7777")
    scratch_home.viscript("s", "visor", timeout=90).ok()
    return scratch_home


@pytest.fixture
def mike(short_tmp: Path, joe: ScratchHome) -> Iterator[ScratchHome]:
    home = ScratchHome(short_tmp / "m")
    home.root.mkdir(mode=0o700)
    try:
        home.start_daemon(CONFIG % "127.0.77.6:7777")
        home.viscript("s", "visor", timeout=90).ok()
        home.viscript("tp", "add", f"{key(joe)}@127.0.77.5:7777").ok()
        home.viscript("mesh", "name", key(joe), "joe").ok()
        yield home
        home.end_daemon()
    finally:
        home.close()


def key(home: ScratchHome) -> str:
    return str(home.viscript("whoami", "-o", "json").ok().json()["public_key"])


def body(url: str) -> str:
    """What curl gets; nothing where it fails."""
    argv = ["curl", "-sS", "--max-time", "20", url]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def test_a_web_server_of_joe_is_seen_by_mike(joe: ScratchHome, mike: ScratchHome, short_tmp: Path) -> None:
    files = short_tmp / "files"
    files.mkdir()
    (files / "hello").write_text("hello from joe")
    serving = ("-m", "http.server", "8123", "--bind", "127.0.77.5", "--directory", str(files))
    joe.viscript("run", "--name", "web", "--", sys.executable, *serving).ok()
    early = mike.viscript("fwd", "127.0.77.6:8080", "joe:127.0.77.5:8123", timeout=90).ok()
    assert early.out.startswith("1: 127.0.77.6:8080 leads to 127.0.77.5:8123 at ")
    assert "so far it does not work" in early.err
    told = joe.viscript("forward", "offer", "127.0.77.5:8123", "--to", key(mike), timeout=90).ok()
    assert "here may be led to by" in told.out
    url = "http://127.0.77.6:8080/hello"
    eventually(lambda: body(url) == "hello from joe")
    row = json.loads(mike.viscript("forward", "ls", "-o", "json").ok().out)[0]
    assert (row["peer"], row["served"] > 0, row["trouble"]) == ("joe", True, "")
    for fault in ("signal visor KILL", "signal forward KILL", "rs forward"):
        mike.viscript(*fault.split()).ok()
        eventually(lambda: body(url) == "hello from joe", deadline_s=90)
    mike.kill_daemon()
    assert body(url) == "hello from joe"  # the apps go on
    eventually(lambda: mike.viscript("forward", "ls").code == 0)  # the keeper starts the daemon again
    assert mike.viscript("forward", "rm", "7").code == 5
    assert mike.viscript("forward", "rm", "1").ok().out.endswith(": removed\n")
    assert body(url) == ""
    assert mike.viscript("fwd", "80", "joe").code == 2
    assert mike.viscript("fwd", "80", "nobody:80").code == 5
