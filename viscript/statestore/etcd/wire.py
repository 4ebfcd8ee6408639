"""One request to one member over HTTP, and what can become of it."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from viscript.statestore.etcd.form import Fault, Garbled, decode
from viscript.statestore.etcd.verdict import Verdict, judge, words_of

REPLY_MAX: Final = 32 << 20
LINE_MAX: Final = 8 << 20  # of a watch; etcd cuts what is longer than 1.5 MiB into fragments
NAMED_CLIENT: Final = b"CommonName of client"  # in etcd's words, which are no JSON
CONNECTIONS: Final = 128


class MemberFault(Exception):
    """One member did not do it."""

    def __init__(self, verdict: Verdict, text: str) -> None:
        super().__init__(text)
        self.verdict = verdict
        self.text = text


class Wire:
    """The connections to all members; one is opened when it is needed."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._scheme = "http" if tls is None else "https"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=True if tls is None else tls, limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def ask(self, member: str, path: str, body: bytes, token: str, timeout: float) -> bytes:
        """The reply to one request. Raises `MemberFault`; UNSURE when it was sent and not answered."""
        try:
            async with asyncio.timeout(timeout), await self._post(member, path, body, token) as response:
                raw = await _whole(response)
        except TimeoutError as exc:
            raise MemberFault(Verdict.UNSURE, f"no answer within {timeout:.1f} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise MemberFault(_sent(exc), _words(exc)) from exc
        if response.status != 200:
            raise _refusal(response.status, raw)
        return raw

    @asynccontextmanager
    async def lines(
        self, member: str, path: str, body: bytes, token: str, timeout: float
    ) -> AsyncIterator[Lines]:
        """The lines of a reply that goes on. Raises `MemberFault`."""
        try:
            async with asyncio.timeout(timeout):
                response = await self._post(member, path, body, token)
                if response.status != 200:
                    async with response:
                        raise _refusal(response.status, await _whole(response))
        except TimeoutError as exc:
            raise MemberFault(Verdict.ANOTHER, f"no answer within {timeout:.1f} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise MemberFault(Verdict.ANOTHER, _words(exc)) from exc
        try:
            yield Lines(response.content)
        finally:
            response.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _post(self, member: str, path: str, body: bytes, token: str) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Grpc-Metadata-hasleader": "true"}
        if token:
            headers["Authorization"] = token
        url = f"{self._scheme}://{member}/v3/{path}"
        return await self._session.post(url, data=body, headers=headers, allow_redirects=False)


class Lines:
    """Whole lines of a stream; what is not whole yet is kept, so that a wait may be given up."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._buffer = bytearray()
        self._searched = 0

    async def next(self, timeout: float) -> bytes | None:
        """The next line; None when none came in time. Raises `MemberFault` at the end."""
        try:
            async with asyncio.timeout(timeout):
                while (line := self._taken()) is None:
                    self._feed(await self._content.readany())
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError) as exc:
            raise MemberFault(Verdict.ANOTHER, _words(exc)) from exc
        return line

    def _taken(self) -> bytes | None:
        at = self._buffer.find(b"\n", self._searched)
        if at < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 1]
        self._searched = 0
        return line

    def _feed(self, chunk: bytes) -> None:
        if not chunk:
            raise MemberFault(Verdict.ANOTHER, "the member ended the watch")
        self._buffer += chunk
        if len(self._buffer) > LINE_MAX and b"\n" not in chunk:
            raise MemberFault(Verdict.ANOTHER, f"a line of more than {LINE_MAX} bytes")


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body, of a bounded length."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > REPLY_MAX:
            response.close()
            raise ValueError(f"an answer of more than {REPLY_MAX} bytes")
    return bytes(raw)


def _refusal(status: int, raw: bytes) -> MemberFault:
    try:
        fault = decode(raw, Fault)
    except Garbled:
        fault = Fault()
    if fault.error or fault.message:
        return MemberFault(judge(fault), words_of(fault))
    if NAMED_CLIENT in raw:
        return MemberFault(
            Verdict.REFUSED,
            "with users switched on, etcd takes client certificates without a CommonName only",
        )
    return MemberFault(Verdict.ANOTHER if status == 404 else Verdict.UNSURE, f"HTTP {status}, not etcd's")


def _sent(exc: Exception) -> Verdict:
    """Whether the request can have reached the member."""
    never = isinstance(exc, aiohttp.ClientConnectorError | aiohttp.InvalidURL)
    return Verdict.ANOTHER if never else Verdict.UNSURE


def _words(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {exc.certificate_error}"
    if isinstance(exc, aiohttp.ClientConnectorError):
        if isinstance(exc.os_error, ssl.SSLError):  # its number is none of the system's
            reason = getattr(exc.os_error, "reason", "") or str(exc.os_error)
            return f"TLS: {reason.replace('_', ' ').lower()}"
        return os.strerror(exc.os_error.errno) if exc.os_error.errno else str(exc.os_error)
    return str(exc) or type(exc).__name__
