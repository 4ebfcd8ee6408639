"""Forwarding between two nodes, as its users see it."""

import asyncio
import hashlib
import os
import socket
from pathlib import Path

import pytest

from tests.support.forwarding import (
    asked,
    datagrams,
    echoing,
    exchanged,
    parroting,
    sides,
)
from tests.support.nodes import until


async def test_a_port_here_leads_to_what_a_peer_offers(short_tmp: Path) -> None:
    data = os.urandom(2_000_000)
    async with sides(short_tmp) as (near, far), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")
        row = await near.does(f"fwd 0 {far.key}:{place}")
        assert row["doubt"] == ""
        assert hashlib.sha256(await asked(row["listen"], data)).digest() == hashlib.sha256(data).digest()
        assert await asked(row["listen"], b"") == b""
        figures = (await near.rows())[0]
        assert (figures["served"], figures["sent_bytes"] >= 2_000_000) == (2, True)
        offered = (await far.rows())[0]
        assert (offered["served"], offered["received_bytes"] >= 2_000_000) == (2, True)


async def test_what_is_not_offered_is_refused_and_the_reason_is_shown(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), echoing() as place, echoing() as other:
        await far.does(f"offer {other} --to {near.key}")
        row = await near.does(f"fwd 0 {far.key}:{place}")
        assert "not offered to you there" in row["doubt"]
        with pytest.raises(ConnectionResetError):
            await asked(row["listen"], b"x")
        assert "not offered" in (await near.rows())[0]["trouble"]
        await far.does(f"offer {place} --to all")
        assert await asked(row["listen"], b"x") == b"x"
        assert (await near.rows())[0]["trouble"] == ""


async def test_a_stranger_is_broken_off_before_it_is_read(short_tmp: Path) -> None:
    async with sides(short_tmp, 3) as (near, far, stranger), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")
        row = await stranger.does(f"fwd 0 {far.key}:{place}")
        assert "code 257" in row["doubt"]
        with pytest.raises(ConnectionResetError):
            await asked(row["listen"], b"x")


async def test_a_port_at_a_peer_leads_here_if_it_is_lent(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    async with sides(short_tmp) as (near, far), echoing(b"home ") as place:
        await far.does(f"lend {listen} --to {near.key}")
        row = await near.does(f"rev {far.key}:{listen} {place}")
        assert row["doubt"] == ""
        await until(lambda: far.server._work.lent())
        assert await asked(listen, b"x" * 100_000) == b"home " + b"x" * 100_000
        assert (await near.rows())[0]["served"] == 1
        assert (await far.rows())[0]["received_bytes"] >= 100_000
        removed = await near.server.remove(row["id"])
        assert removed["listen"] == listen
        await until(lambda: not far.server._work.lent())
        with pytest.raises(ConnectionRefusedError):
            await asked(listen, b"x")


async def test_a_port_that_is_not_lent_is_not_had(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far):
        await far.does(f"lend 127.0.0.1:1 --to {near.key} --udp")
        row = await near.does(f"rev {far.key}:127.0.0.1:1 127.0.0.1:9")
        assert "not lent to you there" in row["doubt"]


async def test_datagrams_keep_their_borders_both_ways(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), parroting() as place:
        await far.does(f"offer {place} --to {near.key} --udp")
        row = await near.does(f"fwd 0 {far.key}:{place} --udp")
        async with datagrams(row["listen"]) as one, datagrams(row["listen"]) as two:
            assert await exchanged(one, b"hello") == b"HELLO"
            assert await exchanged(two, b"x" * 60_000) == b"X" * 60_000
            for size in (1, 500, 3):
                assert await exchanged(one, b"a" * size) == b"A" * size
        assert (await near.rows())[0]["open"] == 2


async def test_datagrams_come_back_from_a_lent_port(short_tmp: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    async with sides(short_tmp) as (near, far), parroting() as place:
        await far.does(f"lend {listen} --to {near.key} --udp")
        await near.does(f"rev {far.key}:{listen} {place} --udp")
        await until(lambda: far.server._work.lent())
        async with datagrams(listen) as program:
            assert await exchanged(program, b"hello") == b"HELLO"


async def test_sixty_four_connections_at_once_are_all_whole(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")
        row = await near.does(f"fwd 0 {far.key}:{place}")
        texts = [os.urandom(50_000 + number) for number in range(64)]
        assert await asyncio.gather(*(asked(row["listen"], text) for text in texts)) == texts


async def test_rules_are_kept_over_a_restart_and_ports_come_back(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    async with sides(short_tmp) as (near, far), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")
        await near.does(f"fwd {listen} {far.key}:{place}")
        await far.stop()
        async with asyncio.TaskGroup() as group:
            program = group.create_task(asked(listen, b"while it is away"))
            await far.start()
        assert program.result() == b"while it is away"
        await near.stop()
        await near.start()
        assert [row["listen"] for row in await near.rows()] == [listen]
        assert await asked(listen, b"again") == b"again"


async def test_a_rule_that_is_removed_ends_what_went_by_it(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), echoing() as place:
        offered = await far.does(f"offer {place} --to {near.key}")
        row = await near.does(f"fwd 0 {far.key}:{place}")
        host, _, port = row["listen"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"x")
        await until(lambda: far.server._work.rows()[0]["open"] == 1)
        assert (await far.server.remove(offered["id"]))["id"] == offered["id"]
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()
        await near.server.remove(row["id"])
        with pytest.raises(ConnectionRefusedError):
            await asked(row["listen"], b"x")


async def test_rules_of_the_settings_stand_and_cannot_be_removed(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far), echoing() as place:
        await far.stop()
        far.rules = (f"offer {place} --to {near.key}",)
        await far.start()
        row = await near.does(f"fwd 0 {far.key}:{place}")
        assert await asked(row["listen"], b"x") == b"x"
        assert [row["id"] for row in await far.rows()] == [None]
        assert (await far.server.remove(1))["error"]["code"] == "not-found"


async def test_faults_are_told_with_a_code(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for line, code in (
                (f"fwd {port} {far.key}:80", "port"),
                (f"fwd {port} {far.key}:80 --udp and more", "bad-rule"),
                ("fwd 80 nobody:80", "no-peer"),
                ("fwd 80 all:80", "no-peer"),
                ("dance", "bad-rule"),
            ):
                assert (await near.server.add(line))["error"]["code"] == code, line
        assert await near.rows() == []


async def test_peers_are_shown_by_their_labels(short_tmp: Path) -> None:
    async with sides(short_tmp) as (near, far):
        near.node.book.name(far.node.key, "mike")
        await near.does("fwd 0 mike:80")
        assert (await near.server.status())["labels"] == {far.key: "mike"}
