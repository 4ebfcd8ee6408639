"""Reach as daemons find and use it: by its service on the bus, in two homes."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from tests.support.wait import eventually
from viscript.home import find_home

pytestmark = pytest.mark.timeout(300)
CONFIG = """\
apps: {}
plugins:
  settings:
    mesh: {listen: "%s", alone: true}
"""


@pytest.fixture
def joe(scratch_home: ScratchHome) -> ScratchHome:
    scratch_home.start_daemon(CONFIG % "127.0.87.5:7777")
    scratch_home.viscript("s", "reach", timeout=90).ok()  # and the visor, which it needs
    return scratch_home


@pytest.fixture
def mike(short_tmp: Path, joe: ScratchHome) -> Iterator[ScratchHome]:
    home = ScratchHome(short_tmp / "m")
    home.root.mkdir(mode=0o700)
    try:
        home.start_daemon(CONFIG % "127.0.87.6:7777")
        home.viscript("s", "reach", timeout=90).ok()
        home.viscript("tp", "add", f"{key(joe)}@127.0.87.5:7777").ok()
        yield home
        home.end_daemon()
    finally:
        home.close()


def key(home: ScratchHome) -> str:
    return str(home.viscript("whoami", "-o", "json").ok().json()["public_key"])


def asked(home: ScratchHome, method: str, **params: object) -> object:
    answer: object = home.viscript("rpc", "reach", method, json.dumps(params), "-o", "json").ok().json()
    return answer


def greeting(path: Path) -> bytes:
    """What the listener behind `path` says first; nothing where none answers."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(path))
        return sock.recv(64)
    return b""


def test_a_place_of_joe_is_reached_from_mike_also_after_both_were_killed(
    joe: ScratchHome, mike: ScratchHome, short_tmp: Path
) -> None:
    path = short_tmp / "to-joe"
    door = find_home(joe.environ).verbs_socket

    def met() -> bool:
        asked(joe, "serve", places={"door": {"socket": door, "keys": [key(mike)]}})
        asked(mike, "lead", peer=key(joe), to="door", path=str(path))
        return greeting(path) == b'{"k":1}\n'

    eventually(met, deadline_s=60)
    for home in (mike, joe):
        home.viscript("signal", "reach", "KILL").ok()
        eventually(lambda: home.viscript("wait", "reach", "--for", "ready").code == 0, deadline_s=60)  # noqa: B023 (used at once)
        eventually(met, deadline_s=60)
    status = mike.viscript("status", "reach", "-o", "json").ok().json()
    assert key(joe) in json.dumps(status)
