"""One look at an app: does its check hold? Each probe answers None, or why not."""

from __future__ import annotations

import asyncio
import os
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping

from viscript.config import words
from viscript.config.model import Check
from viscript.supervisor.api import Exit
from viscript.supervisor.commands import run
from viscript.supervisor.exits import exit_words

Probe = Callable[[], Awaitable[str | None]]


def probe_for(check: Check, *, cwd: str, env: Mapping[str, str]) -> Probe | None:
    """The probe of a check that must be asked; None for those that report themselves."""
    if check.tcp is not None:
        return _Tcp(check.tcp, check.timeout)
    if check.http is not None:
        return _Http(check.http, check.timeout)
    if check.exec is not None:
        return _Exec(check.exec, check.timeout, cwd, env)
    return None


def address_of(check: Check) -> tuple[str, int] | None:
    """Where the probe of a check connects to; None for those that do not."""
    if check.tcp is not None:
        return words.address(check.tcp)
    if check.http is not None:
        parts = urllib.parse.urlsplit(check.http)
        return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
    return None


class _Tcp:
    """Somebody accepts connections there."""

    def __init__(self, address: str, timeout: float) -> None:
        self._host, self._port = words.address(address)
        self._timeout = timeout

    async def __call__(self) -> str | None:
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timeout):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError:
            return f"tcp {where}: no answer in {self._timeout:g} s"
        except OSError as exc:
            return f"tcp {where}: {_fault(exc)}"
        writer.close()
        return None


def _fault(exc: OSError) -> str:
    """The system's own words; asyncio puts others over them, and several in one."""
    number = exc.errno
    if number is None and (named := re.search(r"Errno (\d+)", str(exc))):
        number = int(named[1])
    return os.strerror(number) if number is not None and number > 0 else exc.strerror or str(exc)


class _Http:
    """A GET is answered with a status below 400."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout

    async def __call__(self) -> str | None:
        try:
            async with asyncio.timeout(self._timeout + 0.5):
                status = await asyncio.to_thread(_get, self._url, self._timeout)
        except (OSError, _NoHttp, TimeoutError) as exc:
            return f"http {self._url}: {str(exc) or type(exc).__name__}"
        return None if status < 400 else f"http {self._url}: status {status}"


class _NoHttp(Exception):
    """Somebody answered, but not by HTTP."""


def _get(url: str, timeout: float) -> int:
    import http.client  # late: with all it needs it takes a MB

    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
    try:
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except http.client.HTTPException as exc:
        raise _NoHttp(str(exc) or type(exc).__name__) from exc
    finally:
        connection.close()


class _Exec:
    """A command exits with 0."""

    def __init__(self, argv: tuple[str, ...], timeout: float, cwd: str, env: Mapping[str, str]) -> None:
        self._argv = argv
        self._timeout = timeout
        self._cwd = cwd
        self._env = env

    async def __call__(self) -> str | None:
        try:
            code = await run(self._argv, cwd=self._cwd, env=self._env, seconds=self._timeout)
        except TimeoutError:
            return f"exec {self._argv[0]}: not done in {self._timeout:g} s"
        except OSError as exc:
            return f"exec {self._argv[0]}: {exc.strerror}"
        return None if code == 0 else f"exec {self._argv[0]}: {exit_words(Exit(*_end(code)))}"


def _end(code: int) -> tuple[int | None, int | None]:
    return (code, None) if code >= 0 else (None, -code)
