"""`store migrate`: both stores are opened here, since no daemon is to run meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from viscript.config.fault import BadConfig
from viscript.config.find import find_config
from viscript.config.loader import load
from viscript.config.model import Secret, SecretValue, Store, StoreTls
from viscript.config.storing import check_url
from viscript.errors import ExitCode, VerbError
from viscript.local.client import Client
from viscript.local.door import Door, DoorError
from viscript.statestore.access import Access
from viscript.statestore.api import StateStore
from viscript.statestore.errors import BadUrl, StateStoreError
from viscript.statestore.migrate import Copied, Differs, migrate
from viscript.statestore.open import open_store
from viscript.statestore.rows import Migrated
from viscript.statestore.settings import access_of
from viscript.verbs.table import Call, Outcome


def answer(client: Client, call: Call) -> Outcome:
    """Copy, and say how much."""
    source, target = call.args["from"], call.args["to"]
    if source == target:
        raise VerbError(ExitCode.USAGE, f"store migrate: {source} is both")
    if not call.args["force"]:
        _refuse_beside_a_daemon(client)
    try:
        accesses = [_access(client, call, url) for url in (source, target)]
        done = asyncio.run(_copy(client, [source, target], accesses, replace=call.args["force"]))
    except BadConfig as bad:
        raise bad.as_verb_error() from bad
    except BadUrl as exc:
        raise VerbError(ExitCode.USAGE, f"store migrate: {exc}") from exc
    except Differs as exc:
        raise VerbError(
            ExitCode.FAILED, f"{target}: {exc}", detail="--force lets it say what the first store says"
        ) from exc
    except StateStoreError as exc:
        raise VerbError(
            ExitCode.FAILED, f"store migrate: {exc}", detail="run it again: what was copied stays"
        ) from exc
    row = Migrated(copied=done.copied, same=done.same, left=done.left, revision=done.revision)
    text = (
        f"{row.copied} keys copied, {row.same} the same already, {row.left} left out; all was read back\n"
        f"{target} is at revision {row.revision}. Now name it in `store:` of every host's config.yaml."
    )
    return Outcome(data=row, text=text)


def _refuse_beside_a_daemon(client: Client) -> None:
    try:
        Door(client.home.verbs_socket).socket.close()
    except DoorError as exc:
        if exc.code is ExitCode.UNREACHABLE:
            return
        raise VerbError(exc.code, exc.text) from exc
    raise VerbError(
        ExitCode.FAILED,
        "store migrate: a daemon of this home runs and may write meanwhile",
        suggestions=("viscript daemon stop", "viscript store migrate --force FROM TO"),
    )


def _access(client: Client, call: Call, url: str) -> Access:
    """By the configuration where it names that store, else by the options. Raises `BadConfig`, `BadUrl`."""
    check_url(url)
    found = find_config(call.args["config"], client.environ, call.cwd, client.home.root)
    if found.path is not None:
        file = Path(call.cwd, found.path)
        store = load(str(file), client.environ).config.store
        if store.url == url:
            return access_of(store, str(file.parent), client.environ)
    return access_of(_by_options(call, url), call.cwd, client.environ)


def _by_options(call: Call, url: str) -> Store:
    ca, cert, key = (call.args[name] for name in ("ca", "cert", "key"))
    password = call.args["password_file"]
    return Store(
        url=url,
        tls=StoreTls(ca=ca, cert=cert, key=key) if ca or cert or key else False,
        user=call.args["user"],
        password=SecretValue(secret=Secret(file=password)) if password else None,
    )


async def _copy(client: Client, urls: list[str], accesses: list[Access], *, replace: bool) -> Copied:
    async with AsyncExitStack() as stack:
        stores: list[StateStore] = []
        for url, access in zip(urls, accesses, strict=True):
            store = await open_store(url, access, home=Path(client.home.root))
            stack.push_async_callback(store.close)
            stores.append(store)
        return await migrate(*stores, replace=replace)
