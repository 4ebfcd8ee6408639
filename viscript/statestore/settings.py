"""`store:` of a configuration as what an engine is reached by: passwords read, files by their whole paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from viscript.config.env import read_secret
from viscript.config.fault import BadConfig, Fault
from viscript.config.model import SecretValue, Store, StoreTls
from viscript.statestore.access import Access


def access_of(store: Store, folder: str, environ: Mapping[str, str]) -> Access:
    """How to reach it, the password read and files made absolute. Raises `BadConfig`."""
    tls = store.tls if isinstance(store.tls, StoreTls) else StoreTls()
    faults: list[Fault] = []
    password = store.password or ""
    if isinstance(password, SecretValue):
        password = read_secret("store.password", password, folder, environ, faults)
    if faults:
        raise BadConfig(faults)
    return Access(
        ca=_path(folder, tls.ca),
        cert=_path(folder, tls.cert),
        key=_path(folder, tls.key),
        tls=store.tls is not False,
        user=store.user or "",
        password=password,
    )


def _path(folder: str, name: str | None) -> str:
    return str(Path(folder, name)) if name else ""
