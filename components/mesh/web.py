"""The one door of every HTTP listener: who may ask, from where, with what.

Loopback is shared by all users of a host, and any web page can make a browser ask there. So:

* `Host` is an address, `localhost` or a listed name, with our port: a rebound name of a page is none of them;
* `Origin`, where a browser sends one, is ourselves or listed;
* what changes something is never a GET and carries exactly `application/json`, which a page cannot send
  elsewhere without asking first, and asking first (OPTIONS) is refused;
* bodies (see bodies.py), and the number of query words, are bounded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 64 * 1024
MAX_QUERY_BYTES: Final = 4096
READING: Final = frozenset({"GET", "HEAD"})
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
METHODS: Final = READING | WITH_BODY | {"DELETE"}
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What one listener accepts besides itself."""

    port: int
    names: frozenset[str] = frozenset({"localhost"})
    origins: frozenset[str] = frozenset()
    content: str = "default-src 'none'"  # what a page of this listener may load, as CSP says it


class Refusal(Exception):
    """Why a request is not answered; `code` is for programs."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def check(rules: Rules, method: str, query: str, headers: Mapping[str, str], *, body: bool) -> Refusal | None:
    """Why a request must not be answered, or None. Pure."""
    if method not in METHODS:
        return Refusal(405, "method", f"{method} is not answered here")
    if len(query) > MAX_QUERY_BYTES:
        return Refusal(414, "query", f"the query is longer than {MAX_QUERY_BYTES} bytes")
    host = headers.get("Host", "")
    if not host_is_ours(rules, host):
        return Refusal(421, "host", f"Host {host!r} is not this listener")
    origin = headers.get("Origin")
    if origin is not None and origin not in {f"http://{host}", *rules.origins}:
        return Refusal(403, "origin", f"requests from {origin} are not answered")
    kind = headers.get("Content-Type", "")
    if (body or method in WITH_BODY) and kind != JSON:
        return Refusal(415, "content-type", f"Content-Type must be exactly {JSON}")
    return None


def host_is_ours(rules: Rules, host: str) -> bool:
    """Whether a Host header names this listener: an address or a known name, and the port."""
    name, colon, port = host.rpartition(":")
    if not colon or name.endswith(":"):
        name, port = host, "80"
    if port != str(rules.port):
        return False
    return name.lower() in rules.names or _is_address(name)


def _is_address(name: str) -> bool:
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return False
    return (address.version == 6) == (bare != name)


def door(rules: Callable[[], Rules], told: Callable[[web.Request, Refusal], web.Response]) -> Middleware:
    """The middleware. `rules` is asked each time: the port is known only once the listener has one."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        query = request.rel_url.raw_query_string
        refusal = check(rules(), request.method, query, request.headers, body=request.can_read_body)
        try:
            if refusal is not None:
                raise refusal
            response = await handler(request)
        except Refusal as exc:
            response = told(request, exc)
        except web.HTTPException as exc:
            response = told(request, Refusal(exc.status, "http", exc.reason))
        return response

    return guard


def _sealed(rules: Callable[[], Rules]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What adds our headers to an answer before it begins, also to one that goes on for long."""

    async def seal(_: web.Request, response: web.StreamResponse) -> None:
        policy = f"{rules().content}; frame-ancestors 'none'"
        response.headers.update({**HEADERS, "Content-Security-Policy": policy})

    return seal


def error(refusal: Refusal) -> web.Response:
    """A refusal as its answer."""
    data = {"error": {"code": refusal.code, "text": refusal.text}}
    return web.json_response(data, status=refusal.status)


def _error(request: web.Request, refusal: Refusal) -> web.Response:
    return error(refusal)


def application(
    rules: Callable[[], Rules], told: Callable[[web.Request, Refusal], web.Response] = _error
) -> web.Application:
    """An application behind the door; add routes to it. `told` makes the answer of a refusal."""
    app = web.Application(middlewares=[door(rules, told)], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(_sealed(rules))
    return app
