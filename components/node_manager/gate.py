"""Who asks: how often they may, their body, and their signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from components.mesh import forms, httpsign, keys
from components.mesh.bodies import Bodies
from components.mesh.doors import network
from components.mesh.errors import BadKey, TagError, WireError
from components.mesh.httpsign import Signed
from components.mesh.web import Refusal
from components.node_manager import limits
from components.node_manager.ledger import Ledger
from components.node_manager.plan import OutOfStep, Plan
from components.node_manager.rates import Rates
from signal_bus.ids import PublicKey

T = TypeVar("T")
MESSAGING: Final = ("/messaging-discovery/", "/dmsg-discovery/")


class Gate:
    """Lets requests in. `allowed`: the keys that may change anything; None for all."""

    def __init__(self, clock: Callable[[], float], allowed: frozenset[PublicKey] | None = None) -> None:
        self.read = Bodies().read
        self._clock = clock
        self._allowed = allowed
        self._networks = Rates(*limits.NETWORK_RATE, limits.BUCKETS)
        self._keys = Rates(*limits.KEY_RATE, limits.BUCKETS)

    def middleware(self) -> Middleware:
        """Refuses those who ask too often."""

        @web.middleware
        async def toll(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.charge(request, 1.0)
            return await handler(request)

        return toll

    def charge(self, request: web.Request, cost: float) -> None:
        """Let the asker's network pay for some work. Raises `Refusal`."""
        wait_s = self._networks.take(network(request.remote or ""), self._clock(), cost)
        if wait_s:
            raise Refusal(429, "rate", f"too many requests from your network; wait {wait_s} s")

    async def signed(self, request: web.Request) -> tuple[Signed, bytes]:
        """Who signed a request, and its body. Raises `Refusal`; the number is not looked at here."""
        body = await self.read(request)
        self.charge(request, limits.CHECK_COST)
        signed = told(
            lambda: httpsign.check(request.headers, request.method, request.rel_url.raw_path_qs, body)
        )
        self.admit(signed.key)
        return signed, body

    def admit(self, key: PublicKey) -> None:
        """Let a key register anything at all. Raises `Refusal`."""
        if self._allowed is not None and key not in self._allowed:
            raise Refusal(
                403, "not-allowed", f"{key.hex()} is not on the list of those who may register here"
            )

    def paid(
        self, key: PublicKey, rule: Callable[[Ledger, float], Plan[T]]
    ) -> Callable[[Ledger, float], Plan[T]]:
        """The rule, at the cost of the key that signed: asked once its number is due: no replay costs."""

        def paid(ledger: Ledger, now: float) -> Plan[T]:
            wait_s = self._keys.take(key.hex(), self._clock())
            if wait_s:
                raise Refusal(429, "rate", f"too many requests of {key.hex()}; wait {wait_s} s")
            return rule(ledger, now)

        return paid

    async def check_all(self, request: web.Request, checks: Sequence[Callable[[], object]]) -> None:
        """Check signatures in a thread, paid by the asker. Raises `Refusal` for the first that is bad."""
        self.charge(request, limits.CHECK_COST * len(checks))
        await asyncio.to_thread(lambda: [told(each) for each in checks])


def told(work: Callable[[], T]) -> T:
    """What `work` gives; what is wrong with it as a `Refusal`."""
    try:
        return work()
    except TagError as exc:
        raise Refusal(401, "signature", str(exc)) from exc
    except WireError as exc:
        raise Refusal(400, "form", str(exc)) from exc


def words(request: web.Request, *known: str) -> dict[str, str]:
    """The query, each word known and there once. Raises `Refusal`."""
    found = list(request.query.items())
    query = dict(found)
    unknown = sorted(query.keys() - set(known))
    if unknown or len(query) != len(found):
        raise Refusal(400, "query", f"only {', '.join(known)}, each once" if known else "no query here")
    return query


def number(query: Mapping[str, str], word: str, default: int, most: int) -> int:
    """A number of the query. Raises `Refusal`."""
    text = query.get(word, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= most):
        raise Refusal(400, "query", f"{word} must be a number, 0 to {most}")
    return int(text)


def key(text: str) -> PublicKey:
    """A key of a path or a query. Raises `Refusal`."""
    try:
        return keys.parse(text)
    except BadKey as exc:
        raise Refusal(400, "key", str(exc)) from exc


def answer(data: object, status: int = 200) -> web.Response:
    """An answer in JSON."""
    return web.json_response(forms.plain(data), status=status)


def refusal(request: web.Request, why: Refusal) -> web.Response:
    """A refusal in the shape of the reference; `kind` is for programs."""
    said: dict[str, object] = {"message": why.text, "code": why.status}
    more = {"expected": why.expected} if isinstance(why, OutOfStep) else {}
    body: dict[str, object] = {"error": {**said, "kind": why.code, **more}}
    if request.path.startswith(MESSAGING):
        body |= said
    response = web.json_response(body, status=why.status)
    if why.status in {429, 503}:
        response.headers["Retry-After"] = "1"
    return response
