"""Who may see an app's page."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from components.visor.kit import page
from components.visor.kit.gate import PortError
from components.visor.kit.page import CODE_S, Page, secret_of

SECRET = bytes(32)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


async def hello(_: web.Request) -> web.Response:
    return web.json_response("hello")


def made(port: int = 0, secret: bytes = SECRET) -> Page:
    one = Page("app", secret, ("127.0.0.1", port), how="ask", public=frozenset({"/public"}), clock=CLOCK)
    for path in ("/", "/public"):
        one.app.router.add_get(path, hello)
    return one


@pytest.fixture
async def served() -> AsyncIterator[Page]:
    one = made()
    async with one.listening():
        yield one


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def status(session: aiohttp.ClientSession, address: str, **headers: str) -> int:
    async with session.get(address, headers=headers) as answer:
        return answer.status


async def test_a_link_signs_a_browser_in_once_and_for_all_that_follows(served: Page) -> None:
    link = served.link()
    async with browser() as session, browser() as other:
        assert await status(session, served.address + "/") == 401
        async with session.get(link, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert await status(session, served.address + "/") == 200
        assert await status(other, link) == 403
        assert await status(other, served.address + "/login") == 403


async def test_an_old_link_and_the_oldest_of_many_are_good_no_more(
    served: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "CODES", 2)
    links = [served.link() for _ in range(3)]
    async with browser() as session:
        assert await status(session, links[0]) == 403
        CLOCK.now += CODE_S + 1
        assert await status(session, links[1]) == 403


async def test_a_program_shows_the_token(served: Page) -> None:
    async with browser() as session:
        address = served.address + "/"
        assert await status(session, address, Authorization=f"Bearer {served.token}") == 200
        assert await status(session, address, Authorization=f"Bearer {served.token}x") == 401
        assert await status(session, address, Authorization=f"Basic {served.token}") == 401
        assert await status(session, served.address + "/public") == 200
        assert await status(session, served.address + "/nowhere") == 401


async def test_another_secret_signs_everybody_out(served: Page) -> None:
    other = made(secret=b"\x01" * 32)
    assert other.token != served.token
    async with browser() as session:
        await status(session, served.link())
        assert await status(session, served.address + "/") == 200
        served._cookie = other._cookie
        assert await status(session, served.address + "/") == 401


async def test_a_page_says_what_it_may_load(served: Page) -> None:
    async with browser() as session, session.get(served.address + "/public") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_a_port_in_use_is_named(served: Page) -> None:
    port = int(served.address.rpartition(":")[2])
    with pytest.raises(PortError, match="cannot listen at"):
        async with made(port).listening():
            pytest.fail("it listens")


def test_an_address_of_version_6_has_brackets() -> None:
    assert Page("app", SECRET, ("::1", 7), how="ask").address == "http://[::1]:7"


def test_a_secret_stays_and_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    first = secret_of(path)
    assert (len(first), secret_of(path), path.stat().st_mode & 0o777) == (32, first, 0o600)
    path.write_bytes(b"cut short")
    second = secret_of(path)
    assert second not in (first, b"cut short")
