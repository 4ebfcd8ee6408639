"""Where nothing can be ordered, and which host a word means."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.desired import cluster, quick
from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.errors import ExitCode, VerbError
from viscript.verbs.wishes import find_host


async def test_a_host_that_is_alone_says_how_to_join() -> None:
    said = await say(FakeWorld(), "deploy ls")
    assert said.code == ExitCode.FAILED
    assert "host join" in said.err


async def test_a_host_whose_store_is_its_own_says_what_is_missing() -> None:
    world = FakeWorld()
    world.book = SimpleNamespace(roster="some")
    said = await say(world, "deploy web")
    assert "etcd://" in said.err


async def test_a_host_is_named_by_label_or_by_its_keys_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    async with cluster(tmp_path, 2) as made:
        side, h2 = made.hosts["h1"].side, made.hosts["h2"]
        assert find_host(side, "h2").key == h2.key
        assert find_host(side, h2.key.hex()[:8].upper()).key == h2.key
        with pytest.raises(VerbError, match="no host"):
            find_host(side, h2.key.hex()[:7])
        made.vouch(h2, version=2, label="h1")
        with pytest.raises(VerbError, match="2 hosts"):
            find_host(side, "h1")
