"""Which engine a URL opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from viscript.statestore.access import Access
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl
from viscript.statestore.etcd.store import EtcdStore
from viscript.statestore.open import open_store, shown, sqlite_file
from viscript.statestore.sqlite import SqliteStore

OPENED: list[tuple[str, Access]] = []


class Strange(SqliteStore):
    """A store of a plugin."""


def opens(url: str, access: Access) -> StateStore:
    OPENED.append((url, access))
    return Strange(Path("/nowhere"))


async def opens_slowly(url: str, access: Access) -> StateStore:
    return opens(url, access)


async def test_our_own_engines_are_known_by_their_scheme(tmp_path: Path) -> None:
    for url, file in (("sqlite://", "store.db"), (f"sqlite://{tmp_path}/other.db", "other.db")):
        embedded = await open_store(url, Access(), home=tmp_path)
        assert isinstance(embedded, SqliteStore)
        assert (tmp_path / file).exists()
        await embedded.close()
    engine = await open_store("etcd://127.0.0.1:1", Access(), home=tmp_path)
    assert isinstance(engine, EtcdStore)
    await engine.close()


async def test_another_hosts_store_is_asked_for_by_key(tmp_path: Path) -> None:
    asked = []

    async def host(key: str) -> StateStore:
        asked.append(key)
        return Strange(tmp_path)

    assert isinstance(await open_store("host://3f2a", Access(), home=tmp_path, host=host), Strange)
    assert asked == ["3f2a"]
    with pytest.raises(BadUrl, match="only a daemon that has joined a cluster"):
        await open_store("host://3f2a", Access(), home=tmp_path)


@pytest.mark.parametrize("name", ["opens", "opens_slowly"])
async def test_what_is_not_ours_is_opened_by_what_a_plugin_names(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def plugin(url: str) -> str | None:
        return f"a_plugin_of_stores:{name}" if url.startswith("odd:") else None

    import sys

    monkeypatch.setitem(sys.modules, "a_plugin_of_stores", sys.modules[__name__])
    access = Access(user="me")
    assert isinstance(await open_store("odd://x", access, home=tmp_path, plugin=plugin), Strange)
    assert OPENED[-1] == ("odd://x", access)
    with pytest.raises(BadUrl, match="nobody opens such a store"):
        await open_store("even://x", access, home=tmp_path, plugin=plugin)


@pytest.mark.parametrize("named", ["no.such.module:x", "json:no_such_name", "json", ""])
async def test_what_a_plugin_names_and_is_not_there_is_said(tmp_path: Path, named: str) -> None:
    async def plugin(url: str) -> str | None:
        return named

    with pytest.raises(BadUrl, match="cannot be loaded"):
        await open_store("odd://x", Access(), home=tmp_path, plugin=plugin)


def test_a_store_is_shown_by_what_it_is() -> None:
    assert shown("sqlite://", Path("/h")) == "sqlite /h/store.db"
    assert shown("sqlite:///a/b.db", Path("/h")) == "sqlite /a/b.db"
    assert shown("etcd://a", Path("/h")) == "etcd://a"
    assert sqlite_file("sqlite://", Path("/h")) == Path("/h/store.db")
