"""The exit as a program. What it does with clients is tried in tests/e2e/mesh_vpn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.visor.app import Misuse
from components.visor.kit.process import CannotWork
from plugins.vpn import needs, options
from plugins.vpn.needs import Lacking
from plugins.vpn.server import Server
from tests.support.home import FOREIGN
from tests.support.network import Host
from tests.support.vpn import looks, namespace


def run(host: Host, module: str, *words: str) -> tuple[int, str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    argv = host.inside(sys.executable, "-P", "-m", f"plugins.vpn.{module}", *words)
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["server", "client"])
def test_what_stops_it_from_starting_is_one_sentence_and_changes_nothing(module: str, tmp_path: Path) -> None:
    more = ("--state", str(tmp_path), *(("--peer", "0a" * 32) if module == "client" else ()))
    with namespace() as host:
        before = looks(host)
        code, said = run(host, module, "vpn0", "101.202.34.56:9000", *more)
        assert code == 1
        assert "101.202.34.56:9000 is an address of another host" in said
        assert run(host, module, "a", "b", "c")[0] == 2
        with needs.lock(module):
            code, said = run(host, module, "vpn0", "101.202.34.56:9000", *more)
        assert (code, said) == (1, f"vpn-{module}: another vpn-{module} runs on this host already\n")
        assert looks(host) == before
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(Misuse):
        Server(options.server(["--allow", "mike"], {}))


async def test_a_host_that_lacks_something_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> None:
        raise Lacking("CAP_NET_ADMIN is missing")

    monkeypatch.setattr(needs, "check", lacking)
    server = Server(options.server([], {}))
    with pytest.raises(CannotWork, match="CAP_NET_ADMIN is missing"):
        await server.run(lambda told: None)
    assert server.status() == {"name": "vpn-server", "port": 44, "state": "up"}
