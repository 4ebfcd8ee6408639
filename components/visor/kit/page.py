"""An app's page on a local port: behind the door of every listener, and for one person.

Loopback is shared by all users of a host, so a request shows who it is from: by a cookie, which a browser
gets once for a link that only this app can make, or by the token of a file that only this user can read.

    GET /login?code=CODE     the cookie, and on to the page; a code is good once, for ten minutes
    Authorization: Bearer TOKEN

A new secret file is a new cookie and a new token: all browsers are signed out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from components.mesh import listener
from components.mesh.bodies import Bodies
from components.mesh.web import Refusal, Rules, application
from components.visor.kit.gate import PortError

__all__ = ["Bodies", "Page", "Refusal", "secret_of"]

CODE_S: Final = 600.0
CODES: Final = 16
LOGIN: Final = "/login"
CONTENT: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'"
)
_SECRET_BYTES: Final = 32
_YEAR_S: Final = 365 * 86_400


def secret_of(path: Path) -> bytes:
    """The secret in a file of mode 0600, drawn when there is none. Raises `OSError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) == _SECRET_BYTES:
            return found
        path.unlink()  # cut short: who wrote it was killed
        return secret_of(path)
    drawn = secrets.token_bytes(_SECRET_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(drawn)
    return drawn


class Page:
    """Who may see it. `app` takes routes; `listening` serves them."""

    def __init__(
        self,
        name: str,
        secret: bytes,
        place: tuple[str, int],
        *,
        how: str,
        public: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`how` tells how to sign in. `public` are paths of what everybody may see."""
        self._how = how
        self.token = _derived(secret, b"token")
        self._cookie = _derived(secret, b"cookie")
        self._name = name
        self._host, self._port = place
        self._public = public | {LOGIN}
        self._clock = clock
        self._codes: OrderedDict[str, float] = OrderedDict()
        self.app = application(self._rules)
        self.app.middlewares.append(self._known)
        self.app.router.add_get(LOGIN, self._login, allow_head=False)

    @property
    def address(self) -> str:
        """`http://host:port`, once it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def link(self) -> str:
        """An address that signs a browser in, once."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = self._clock() + CODE_S
        while len(self._codes) > CODES:
            self._codes.popitem(last=False)
        return f"{self.address}{LOGIN}?code={code}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer inside the block. Raises `PortError`."""
        try:
            async with listener.listening(self.app, self._host, self._port) as port:
                self._port = port
                yield
        except OSError as exc:
            why = exc.strerror or str(exc)
            raise PortError(f"cannot listen at {self._host}:{self._port}: {why}") from exc

    def _rules(self) -> Rules:
        names = frozenset({"localhost", self._host.lower()})
        return Rules(port=self._port, names=names, content=CONTENT)

    @property
    def _cookie_name(self) -> str:
        return f"{self._name}-{self._port}"  # cookies know no ports

    @web.middleware
    async def _known(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in self._public and not self._is_known(request):
            raise Refusal(
                401,
                "signed-out",
                "sign in first: open the link that the app gives, or send its token",
            )
        return await handler(request)

    def _is_known(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return _same(token, self.token)
        return _same(request.cookies.get(self._cookie_name, ""), self._cookie)

    async def _login(self, request: web.Request) -> web.Response:
        code = request.query.get("code", "")
        if self._codes.pop(code, -1.0) < self._clock():
            raise Refusal(403, "code", "this link was used, or is older than ten minutes: ask for another")
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(
            self._cookie_name, self._cookie, max_age=_YEAR_S, httponly=True, samesite="Strict", path="/"
        )
        return answer


def _derived(secret: bytes, what: bytes) -> str:
    return hmac.new(secret, what, hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
