"""Requests to one node manager: signed where they must be, each with a deadline, none with a surprise.

The numbers of signed requests are kept here and corrected by the service where it expects another (once a
request). So signed requests go one after the other.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, Self

import msgspec

from components.mesh import httpsign
from components.mesh.errors import CallerError, RemoteError, TimedOut, Unreachable, WireError, reason
from components.mesh.exchange import Exchange, NotConnected, Request
from signal_bus.identity import Identity

TIMEOUT_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024


class Denied(RemoteError):
    """The service refused; `expected` is the number that would have been right, where one was wrong."""

    def __init__(self, status: int, code: str, text: str, expected: int | None = None) -> None:
        super().__init__(code, text)
        self.status = status
        self.expected = expected


class _Fault(msgspec.Struct, frozen=True):
    message: str = ""
    code: int = 0
    kind: str = ""
    expected: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    error: _Fault | str = ""


class Caller:
    """One service at `url`, for one identity. Use as `async with Caller(...)`."""

    def __init__(self, identity: Identity, url: str, timeout_s: float = TIMEOUT_S) -> None:
        if not url.startswith(("http://", "https://")):
            raise CallerError(f"{url!r} is no address of a service: http://HOST:PORT is expected")
        self.url = url.rstrip("/")
        self.sequence = 0  # of the next node entry for this service
        self._identity = identity
        self._timeout_s = timeout_s
        self._nonce = 0
        self._turn = asyncio.Lock()
        self._exchange: Exchange | None = None

    async def __aenter__(self) -> Self:
        self._exchange = Exchange(self.url, self._timeout_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exchange is not None:
            self._exchange.close()

    async def ask(self, method: str, target: str, body: bytes = b"") -> bytes:
        """The answer to an unsigned request. Raises `Denied`, `WireError`, `Unreachable` or `TimedOut`."""
        return await self._within(method, target, self._send(method, target, body, {}))

    async def signed(self, method: str, target: str, body: bytes = b"") -> bytes:
        """The answer to a signed request; one with a wrong number is sent once more with the right one."""
        return await self._within(method, target, self._signed(method, target, body))

    async def _within(self, method: str, target: str, call: Awaitable[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except TimeoutError as exc:
            raise TimedOut(f"{method} {self.url}{target}", self._timeout_s) from exc

    async def _signed(self, method: str, target: str, body: bytes) -> bytes:
        async with self._turn:
            try:
                return await self._numbered(method, target, body)
            except Denied as exc:
                if exc.code != "nonce" or exc.expected is None:
                    raise
                self._nonce = exc.expected
            return await self._numbered(method, target, body)

    async def _numbered(self, method: str, target: str, body: bytes) -> bytes:
        headers = httpsign.headers(self._identity, self._nonce, method, target, body)
        answer = await self._send(method, target, body, headers)
        self._nonce += 1
        return answer

    async def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> bytes:
        """One request; once more when the connection broke, as one that was kept may have been closed.

        So a request can be carried out twice. None does more the second time; a signed one is refused.
        """
        assert self._exchange is not None, "use `async with`"
        if body:
            headers = {**headers, "Content-Type": "application/json"}
        request = Request(method, target, body, headers)
        try:
            try:
                status, answer = await self._exchange.ask(request, MAX_ANSWER_BYTES)
            except ConnectionError:
                status, answer = await self._exchange.ask(request, MAX_ANSWER_BYTES)
        except NotConnected as exc:
            raise Unreachable(self.url, reason(exc.why)) from exc
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise Unreachable(self.url, str(exc) or type(exc).__name__) from exc
        if len(answer) > MAX_ANSWER_BYTES:
            raise WireError(f"{self.url}{target}: an answer of more than {MAX_ANSWER_BYTES} bytes")
        if not 200 <= status < 300:
            raise _denied(status, answer)
        return answer


def _denied(status: int, answer: bytes) -> Denied:
    try:
        fault = msgspec.json.decode(answer, type=_Answer).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        fault = ""
    if isinstance(fault, str):
        return Denied(status, "http", fault or f"status {status}")
    return Denied(status, fault.kind or "http", fault.message or f"status {status}", fault.expected)
