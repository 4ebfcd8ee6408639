"""The one door of HTTP listeners: what may come in, and each thing that may not."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from components.mesh.bodies import Bodies
from components.mesh.web import MAX_BODY_BYTES, Refusal, Rules, application, check, host_is_ours

RULES = Rules(port=8000, names=frozenset({"localhost", "box"}), origins=frozenset({"http://dash:1"}))
HOST = {"Host": "127.0.0.1:8000"}
KIND = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "box:8000", "[::1]:8000", "192.168.1.4:8000"],
)
def test_a_host_that_is_this_listener_is_answered(host: str) -> None:
    assert host_is_ours(RULES, host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example:8000", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8001", "localhost", "::1:8000",
     "[127.0.0.1]:8000", "127.0.0.1.evil.example:8000", "localhost.:8000", "[::1]", ":8000", "[::1:8000"],
)  # fmt: skip
def test_any_other_host_is_a_rebound_name(host: str) -> None:
    assert not host_is_ours(RULES, host)


def test_port_80_needs_no_port() -> None:
    assert host_is_ours(Rules(port=80), "localhost")
    assert host_is_ours(Rules(port=80), "[::1]")


@pytest.mark.parametrize(
    "method, headers, body",
    [
        ("GET", HOST, False),
        ("GET", HOST | {"Origin": "http://127.0.0.1:8000"}, False),
        ("POST", HOST | KIND, True),
        ("POST", HOST | KIND | {"Origin": "http://dash:1"}, True),
        ("DELETE", HOST, False),
    ],
)
def test_what_is_in_order_is_answered(method: str, headers: dict[str, str], body: bool) -> None:
    assert check(RULES, method, "", headers, body=body) is None


@pytest.mark.parametrize(
    "method, headers, body, status",
    [
        ("GET", {}, False, 421),
        ("GET", {"Host": "evil.example:8000"}, False, 421),
        ("GET", HOST | {"Origin": "http://evil.example"}, False, 403),
        ("GET", HOST | {"Origin": "null"}, False, 403),
        ("GET", HOST | {"Origin": "https://127.0.0.1:8000"}, False, 403),
        ("GET", HOST, True, 415),
        ("POST", HOST, False, 415),
        ("POST", HOST | {"Content-Type": "text/plain"}, True, 415),
        ("POST", HOST | {"Content-Type": "application/x-www-form-urlencoded"}, True, 415),
        ("POST", HOST | {"Content-Type": "application/json; charset=utf-8"}, True, 415),
        ("POST", HOST | {"Content-Type": "text/plain; application/json"}, True, 415),
        ("DELETE", HOST | {"Origin": "http://evil.example"}, False, 403),
        ("OPTIONS", HOST, False, 405),
        ("TRACE", HOST, False, 405),
        ("CONNECT", HOST, False, 405),
    ],
)
def test_what_is_not_is_refused(method: str, headers: dict[str, str], body: bool, status: int) -> None:
    refusal = check(RULES, method, "", headers, body=body)
    assert refusal is not None
    assert refusal.status == status


def test_a_long_query_is_refused() -> None:
    refusal = check(RULES, "GET", "a" * 5000, HOST, body=False)
    assert refusal is not None
    assert refusal.status == 414


async def echo(request: web.Request) -> web.Response:
    if request.query.get("refuse"):
        raise Refusal(409, "taken", "it is taken")
    return web.json_response(await Bodies().json_object(request))


@pytest.fixture
async def listener() -> AsyncIterator[str]:
    port = 0
    app = application(lambda: Rules(port=port))
    app.router.add_post("/echo", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.mark.parametrize(
    "path, data, headers, status, code",
    [
        ("/echo", b'{"a": 1}', KIND, 200, None),
        ("/echo", b"[1]", KIND, 400, "json"),
        ("/echo", b"{", KIND, 400, "json"),
        ("/echo", b"\xff", KIND, 400, "json"),
        ("/echo", b"[" * 50_000, KIND, 400, "json"),
        ("/echo?refuse=1", b"{}", KIND, 409, "taken"),
        ("/echo", b" " * (MAX_BODY_BYTES + 1), KIND, 413, "length"),
        ("/nowhere", b"{}", KIND, 404, "http"),
        ("/echo", b"{}", KIND | {"Host": "evil.example"}, 421, "host"),
        ("/echo", b"{}", KIND | {"Origin": "http://evil.example"}, 403, "origin"),
    ],
)
async def test_every_answer_is_json_behind_the_same_headers(
    listener: str, path: str, data: bytes, headers: dict[str, str], status: int, code: str | None
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(listener + path, data=data, headers=headers) as answer,
    ):
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
        content = await answer.json()
        assert content == {"a": 1} if code is None else content["error"]["code"] == code
