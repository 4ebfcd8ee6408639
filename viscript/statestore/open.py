"""A store by its URL: our own engines by scheme, all others by the hook `viscript_state_store`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from viscript.statestore.access import Access
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl

FILE: Final = "store.db"

AsksPlugins = Callable[[str], Awaitable[str | None]]
OpensHost = Callable[[str], Awaitable[StateStore]]


async def no_plugin(url: str) -> str | None:
    """No plugin opens anything."""
    return None


async def no_host(key: str) -> StateStore:
    """There are no links to other hosts here."""
    raise BadUrl(
        f"host://{key}: only a daemon that has joined a cluster reaches another host's store; there, it is sqlite://"
    )


async def open_store(
    url: str,
    access: Access,
    *,
    home: Path,
    plugin: AsksPlugins = no_plugin,
    host: OpensHost = no_host,
) -> StateStore:
    """The store of that URL; `sqlite://` alone is this home's. Raises `BadUrl` and `StoreAway`."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        from viscript.statestore.sqlite import SqliteStore

        embedded = SqliteStore(sqlite_file(url, home))
        await embedded.open()
        return embedded
    if scheme == "etcd":
        from viscript.statestore.etcd.address import address_of
        from viscript.statestore.etcd.store import EtcdStore

        return EtcdStore(address_of(url), access)
    if scheme == "host":
        return await host(rest)
    return await _of_plugin(url, access, plugin)


def sqlite_file(url: str, home: Path) -> Path:
    """The file of a `sqlite://` URL."""
    return Path(url.removeprefix("sqlite://") or home / FILE)


def shown(url: str, home: Path) -> str:
    """A store in words: what it is, and where."""
    return f"sqlite {sqlite_file(url, home)}" if url.startswith("sqlite://") else url


async def _of_plugin(url: str, access: Access, plugin: AsksPlugins) -> StateStore:
    named = await plugin(url)
    if named is None:
        raise BadUrl(f"{url}: nobody opens such a store; ours are sqlite://, etcd:// and host://")
    opened = _callable(url, named)(url, access)
    store: StateStore = await opened if inspect.isawaitable(opened) else opened
    return store


def _callable(url: str, named: str) -> Callable[[str, Access], Any]:  # Any: a store, or a promise of one
    module, _, name = named.partition(":")
    try:
        found: Callable[[str, Access], Any] = getattr(importlib.import_module(module), name)
    except Exception as exc:  # a plugin's module may raise anything while it is imported
        raise BadUrl(f"{url}: the plugin names {named!r}, which cannot be loaded: {exc}") from exc
    return found
