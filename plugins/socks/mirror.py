"""What an exit shows of itself at a name of its own: nothing outside is needed to see that SOCKS works. Pure.

    curl -x socks5h://127.0.0.1:1080 http://exit.viscript.internal/
    {"exit": "76ad...", "you": "3c09...", "addresses": ["203.0.113.5"]}

No resolver knows that name: who gets the page has had it looked up at the exit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TypedDict

from plugins.socks.destination import Destination

NAME: Final = "exit.viscript.internal"
URL: Final = f"http://{NAME}/"
REQUEST: Final = f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()
HEAD_MAX: Final = 8192
_HEAD_END: Final = b"\r\n\r\n"


class Page(TypedDict):
    """What it holds."""

    exit: str  # its key
    you: str  # the key of the node that asks
    addresses: list[str]  # where the exit's own connections come from, as far as its host can tell


class BadPage(ValueError):
    """No page of an exit."""


def is_asked(destination: Destination) -> bool:
    """Whether a program wants this page, and no place outside."""
    return destination.host.lower().rstrip(".") == NAME


def is_whole(head: bytes) -> bool:
    """Whether a request has come to its end, or is longer than any that is answered."""
    return _HEAD_END in head or len(head) > HEAD_MAX


def answer(exit_key: str, peer: str, addresses: Sequence[str]) -> bytes:
    """The page, as HTTP has it."""
    page: Page = {"exit": exit_key, "you": peer, "addresses": list(addresses)}
    body = json.dumps(page).encode() + b"\n"
    head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def parse(data: bytes) -> Page:
    """The page in an answer. Raises `BadPage`."""
    head, _, body = data.partition(_HEAD_END)
    try:
        found = json.loads(body)
        page: Page = {"exit": found["exit"], "you": found["you"], "addresses": [*found["addresses"]]}
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise BadPage(f"no page of an exit: {head[:60]!r}") from exc
    if not all(isinstance(text, str) for text in (page["exit"], page["you"], *page["addresses"])):
        raise BadPage("a page of an exit whose words are none")
    return page
