"""What an `etcd://` URL says: members and prefix. Pure.

etcd://HOST[:PORT][,HOST[:PORT]...][?prefix=/viscript/NAME]
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from viscript.statestore.errors import BadUrl

PORT: Final = 2379
PREFIX: Final = "/viscript"
MEMBERS_MAX: Final = 16


class Address(msgspec.Struct, frozen=True):
    """The members as `host:port`, and what stands before every key."""

    members: tuple[str, ...]
    prefix: str


def address_of(url: str) -> Address:
    """Read a URL. Raises `BadUrl` with what is wrong in it."""
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True))
    except ValueError as exc:
        raise BadUrl(f"{url!r} is no URL: {exc}") from exc
    if "@" in parts.netloc:
        raise BadUrl("user and password do not stand in the URL of a store: `store: {url: ..., user: ...}`")
    if parts.path not in ("", "/") or parts.fragment:
        raise BadUrl(f"{url}: a prefix of keys is written as ?prefix=/NAME")
    unknown = sorted(asked.keys() - {"prefix"})
    if unknown:
        raise BadUrl(f"{url}: unknown {unknown[0]!r}; there is only prefix=")
    prefix = asked.get("prefix", PREFIX)
    if not prefix.strip("/") or "\0" in prefix:
        raise BadUrl(f"{url}: the prefix is empty")
    members = tuple(dict.fromkeys(_member(url, one) for one in parts.netloc.split(",")))
    if len(members) > MEMBERS_MAX:
        raise BadUrl(f"{url}: {len(members)} members, at most {MEMBERS_MAX} are tried")
    return Address(members, prefix.rstrip("/") + "/")


def _member(url: str, text: str) -> str:
    try:
        one = urlsplit(f"//{text}")
        host, port = one.hostname, one.port
    except ValueError as exc:
        raise BadUrl(f"{url}: {text!r} is no HOST:PORT: {exc}") from exc
    if not host or one.path or any(letter.isspace() for letter in text):
        raise BadUrl(f"{url}: {text!r} is no HOST:PORT")
    return f"[{host}]:{port or PORT}" if ":" in host else f"{host}:{port or PORT}"
