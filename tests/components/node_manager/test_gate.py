"""The gate: rates, bodies, signatures, queries; and what replays do not cost their victim."""

import asyncio
import socket

import pytest

from components.mesh import bodies, web
from components.mesh.keys import hex66
from components.node_manager import gate, limits
from tests.support.manager import Manager, link, managing, node, person

ONE, TWO = person(1), person(2)


async def status_of(manager: Manager, data: bytes, *, eof: bool = False) -> int:
    """What is answered to these bytes."""
    host, port = manager.url.removeprefix("http://").split(":")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(data.replace(b"HOST", f"{host}:{port}".encode()))
            return int((await reader.readline()).split()[1])
        finally:
            writer.transport.abort()


async def test_a_network_that_asks_too_often_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NETWORK_RATE", (1.0, 3.0))
    async with managing() as manager:
        statuses = [(await manager.ask("GET", "/health"))[0] for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        _, answer = await manager.ask("GET", "/health")
        assert answer["error"]["kind"] == "rate"
        manager.now += 2
        assert (await manager.ask("GET", "/health"))[0] == 200


async def test_a_key_that_changes_too_often_is_told_to_wait_and_replays_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "KEY_RATE", (1.0, 2.0))
    async with managing() as manager:
        old = await manager.due(ONE.public_key)
        entry = [link(ONE, TWO)]
        assert (await manager.signed(ONE, "POST", "/transports/", entry, nonce=old))[0] == 201
        for _ in range(5):
            assert (await manager.signed(ONE, "POST", "/transports/", entry, nonce=old))[0] == 401
        assert (await manager.signed(ONE, "POST", "/transports/", entry))[0] == 201
        status, answer = await manager.signed(ONE, "POST", "/transports/", entry)
        assert (status, answer["error"]["kind"]) == (429, "rate")
        assert (await manager.signed(TWO, "POST", "/transports/", entry))[0] == 201


async def test_only_those_on_the_list_register() -> None:
    async with managing(allowed=frozenset({ONE.public_key})) as manager:
        assert (await manager.signed(ONE, "POST", "/transports/", [link(ONE, TWO)]))[0] == 201
        status, answer = await manager.signed(TWO, "POST", "/transports/", [link(ONE, TWO)])
        assert (status, answer["error"]["kind"]) == (403, "not-allowed")
        assert (await manager.ask("POST", "/dmsg-discovery/entry/", node(TWO)))[0] == 403
        assert (await manager.ask("POST", "/dmsg-discovery/entry/", node(ONE)))[0] == 200


async def test_a_body_that_is_too_long_or_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.05)
    head = b"POST /routes HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"
    async with managing() as manager:
        long = b"Content-Length: %d\r\n\r\n" % (web.MAX_BODY_BYTES + 1)
        assert await status_of(manager, head + long) == 413
        assert await status_of(manager, head + b"Content-Length: 10\r\n\r\n{") == 408
        chunk = b"%x\r\n%b\r\n" % (web.MAX_BODY_BYTES + 1, b"x" * (web.MAX_BODY_BYTES + 1))
        assert await status_of(manager, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk) == 413


async def test_slow_bodies_hold_a_part_of_the_connections_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST", 2)
    head = (
        b"POST /routes HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    async with managing() as manager, asyncio.TaskGroup() as tasks:
        slow = [tasks.create_task(status_of(manager, head)) for _ in range(3)]
        done, _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        assert [each.result() for each in done] == [503]
        assert (await manager.ask("GET", "/api/services"))[0] == 200
        for each in slow:
            each.cancel()


async def test_what_the_door_refuses_has_the_same_shape() -> None:
    async with managing() as manager:
        status, answer = await manager.ask("POST", "/routes", body=b"{}", **{"Content-Type": "text/plain"})
        assert (status, answer["error"]["kind"]) == (415, "content-type")
        status, answer = await manager.ask("GET", "/dmsg-discovery/nothing")
        assert (status, answer["code"], answer["error"]["code"]) == (404, 404, 404)
        assert (await manager.ask("GET", "/health", Host="evil.example"))[0] == 421


async def test_a_crowd_that_says_nothing_keeps_nobody_out() -> None:
    async with managing() as manager:
        host, port = manager.url.removeprefix("http://").split(":")
        idle = [socket.socket() for _ in range(300)]
        try:
            for each in idle:
                each.setblocking(False)
                each.connect_ex((host, int(port)))
                await asyncio.sleep(0)
            name = hex66(ONE.public_key)
            assert (await manager.ask("POST", "/dmsg-discovery/entry/", node(ONE)))[0] == 200
            assert (await manager.ask("GET", f"/dmsg-discovery/entry/{name}"))[0] == 200
        finally:
            for each in idle:
                each.close()


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 10, "11", "٣"])
def test_a_number_of_a_query_is_one_within_its_bound(text: str) -> None:
    with pytest.raises(web.Refusal, match="count must be a number, 0 to 10"):
        gate.number({"count": text}, "count", 1, 10)
    assert gate.number({}, "count", 1, 10) == 1
