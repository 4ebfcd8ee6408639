"""Pairing by the key of a visor: the same rules as at a port, and nothing open without an invitation."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.paired import PairingHome, pairing_home, until
from tests.support.ways import Ground, Ways
from viscript.cluster.pairing import bymesh
from viscript.cluster.pairing.bymesh import MeshDoor, NoMesh, shown
from viscript.cluster.pairing.code import Address, MeshAddress
from viscript.cluster.pairing.invitations import MOST_FAILURES, Invitation, State
from viscript.cluster.pairing.inviting import Wish
from viscript.cluster.pairing.listener import MOST_UNKNOWN
from viscript.cluster.pairing.meeting import Meeting
from viscript.daemon.tasks import Tasks
from viscript.errors import ExitCode, VerbError, ViscriptError

PRIVATE = ["192.168.7.7"]
A, B = b"\xaa" * 32, b"\xbb" * 32


class Pair:
    """Two homes whose visors are of one mesh."""

    def __init__(self, alpha: PairingHome, beta: PairingHome, ways: tuple[Ways, Ways], folder: Path) -> None:
        self.alpha, self.beta = alpha, beta
        self.here, self.there = ways
        self.door = folder / "alpha" / "joiners.sock"

    async def invited(self, wish: Wish | None = None) -> Invitation:
        return await self.alpha.pairing.inviting.invite(wish or Wish(mesh=True))

    async def joined(self, made: Invitation) -> tuple[Meeting, Meeting]:
        """Both persons say yes."""
        mine = await self.beta.join(made)
        theirs = await self.alpha.meeting(made)
        assert mine.words == theirs.words
        self.alpha.pairing.approve(mine.words)
        self.beta.pairing.approve(theirs.words)
        async with asyncio.timeout(20):
            await mine.result()
            await theirs.result()
        return mine, theirs


@pytest.fixture
async def pair(short_tmp: Path) -> AsyncIterator[Pair]:
    ground = Ground()
    async with AsyncExitStack() as stack:
        ways = (Ways(ground, A, short_tmp), Ways(ground, B, short_tmp))
        homes = [
            await stack.enter_async_context(
                pairing_home(short_tmp / name, name, mesh, reached_at=lambda: PRIVATE)
            )
            for name, mesh in zip(("alpha", "beta"), ways, strict=True)
        ]
        yield Pair(homes[0], homes[1], ways, short_tmp)


def port_of(home: PairingHome) -> int | None:
    return home.pairing.inviting._listener.port


async def test_two_homes_pair_by_the_key_of_a_visor_and_no_port_is_opened(pair: Pair) -> None:
    made = await pair.invited()
    assert made.code.addresses == (MeshAddress(A),)
    assert port_of(pair.alpha) is None
    assert pair.here.places == {"pairing": str(pair.door)}
    await pair.joined(made)
    assert pair.beta.book.cluster == pair.alpha.book.cluster
    await until(lambda: not pair.here.places)
    assert not pair.door.exists()


async def test_the_place_stays_until_the_pairing_is_over_and_takes_nobody_more(pair: Pair) -> None:
    made = await pair.invited()
    mine = await pair.beta.join(made)
    theirs = await pair.alpha.meeting(made)
    pair.alpha.pairing.inviting._mesh.close()
    assert pair.here.places, "who is pairing is still led"
    assert not pair.door.exists()
    mine.yes()
    theirs.yes()
    async with asyncio.timeout(20):
        await mine.result()
    await until(lambda: not pair.here.places)


async def test_the_key_goes_along_where_no_address_leads_here_from_everywhere(pair: Pair) -> None:
    made = await pair.invited(Wish())
    assert made.code.addresses == (Address(PRIVATE[0], port_of(pair.alpha) or 0), MeshAddress(A))
    told = await pair.invited(Wish(addresses=("10.0.0.1",)))
    assert [str(address) for address in told.code.addresses] == [f"10.0.0.1:{port_of(pair.alpha)}"]
    both = await pair.invited(Wish(addresses=("10.0.0.1",), mesh=True))
    assert both.code.addresses[1:] == (MeshAddress(A),)


async def test_an_address_that_leads_here_from_everywhere_is_enough(short_tmp: Path) -> None:
    ways = Ways(Ground(), A, short_tmp)
    async with pairing_home(short_tmp / "a", "a", ways, reached_at=lambda: ["45.0.0.1"]) as home:
        made = await home.pairing.inviting.invite(Wish())
        assert [type(address) for address in made.code.addresses] == [Address]
        assert not ways.places


async def test_a_code_is_burnt_by_three_failures_over_the_mesh_too(pair: Pair) -> None:
    made = await pair.invited()
    for failures in range(1, MOST_FAILURES + 1):
        mine = await pair.beta.join(made)
        mine.no("the person there left")
        await until(lambda so_far=failures: made.failures == so_far)  # type: ignore[misc]  # bound at once
    assert made.state is State.BURNT
    await until(lambda: not pair.here.places)
    with pytest.raises(VerbError, match="pairing is not open to you there") as told:
        await pair.beta.join(made)
    assert told.value.code is ExitCode.UNREACHABLE


async def test_what_a_host_says_over_the_mesh_is_passed_on(pair: Pair) -> None:
    made, keeps_it_open = await pair.invited(), await pair.invited()
    pair.alpha.pairing.inviting.withdraw(made)
    with pytest.raises(VerbError, match=r"^mesh:aaaaaaaaaaaaaaaa: .*taken back|withdrawn") as told:
        await pair.beta.join(made)
    assert told.value.code is ExitCode.FAILED
    assert keeps_it_open.is_live


async def test_without_an_app_that_leads_it_says_which_to_start(short_tmp: Path, pair: Pair) -> None:
    made = await pair.invited()
    async with pairing_home(short_tmp / "c", "c") as plain:
        with pytest.raises(VerbError, match="viscript s reach") as told:
            await plain.join(made)
        assert told.value.code is ExitCode.UNREACHABLE
        with pytest.raises(VerbError, match="viscript s reach"):
            await plain.pairing.inviting.invite(Wish(mesh=True))
        assert not (short_tmp / "c" / "joiners.sock").exists()


async def test_one_that_cannot_lead_is_done_without_unless_it_is_asked_for(pair: Pair) -> None:
    pair.here.broken = "the visor is away"
    assert [type(each) for each in (await pair.invited(Wish())).code.addresses] == [Address]
    with pytest.raises(VerbError, match="the visor is away"):
        await pair.invited()
    made = dataclasses.replace((await pair.invited(Wish())).code, addresses=(MeshAddress(A),))
    pair.there.broken = "no room"
    with pytest.raises(VerbError, match="no room"):
        await pair.beta.join(made)


async def test_a_second_invitation_that_fails_leaves_the_first_its_door(pair: Pair) -> None:
    made = await pair.invited()
    pair.here.broken = "no room"
    with pytest.raises(VerbError, match="no room"):
        await pair.invited()
    assert pair.door.exists()
    await pair.joined(made)


async def test_a_door_that_cannot_be_opened_is_said(pair: Pair) -> None:
    pair.door.mkdir()
    with pytest.raises(VerbError, match="nobody can join over the mesh"):
        await pair.invited()


async def test_a_flood_of_one_visor_puts_out_its_own(pair: Pair) -> None:
    await pair.invited()
    door = pair.alpha.pairing.inviting._mesh
    joiner = await _knock(pair.door, B)
    held = [await _knock(pair.door, b"\x01" * 32) for _ in range(2 * MOST_UNKNOWN)]
    await until(lambda: list(door._unknown.values()).count(B.hex()) == 1)
    await until(lambda: len(door._unknown) == MOST_UNKNOWN)
    await until(lambda: sum(each.reader.at_eof() for each in held) > MOST_UNKNOWN // 2)
    assert not joiner.reader.at_eof()
    for each in (joiner, *held):
        each.writer.close()


class Knock:
    """A connection to the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer


async def _knock(door: Path, visor: bytes) -> Knock:
    reader, writer = await asyncio.open_unix_connection(door)
    writer.write(visor)
    return Knock(reader, writer)


@pytest.mark.parametrize("said", [b"", b"short"])
async def test_what_does_not_say_whom_it_leads_is_hung_up(said: bytes, pair: Pair) -> None:
    await pair.invited()
    knock = await _knock(pair.door, said)
    knock.writer.write_eof()
    async with asyncio.timeout(20):
        assert await knock.reader.read() == b""
    knock.writer.close()


async def test_one_that_says_nothing_holds_the_door_for_a_moment_only(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bymesh, "_TOLD_S", 0.05)
    made = await pair.invited()
    knock = await _knock(pair.door, b"")
    await pair.joined(made)
    knock.writer.close()


async def test_a_door_that_closes_leaves_no_connection(short_tmp: Path) -> None:
    async with Tasks() as tasks:

        async def serve(sock: socket.socket) -> None:
            await asyncio.Event().wait()

        door = MeshDoor(tasks.run, serve, lambda: Ways(Ground(), A, short_tmp), str(short_tmp / "d"))
        await door.open_place()
        silent, said = await _knock(short_tmp / "d", b""), await _knock(short_tmp / "d", A)
        await asyncio.sleep(0)
        door.close()
        for knock in (silent, said):
            async with asyncio.timeout(20):
                assert await _end_of(knock.reader) == b""
            knock.writer.close()


async def _end_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("asked", [lambda: NoMesh().way(A, "pairing"), lambda: asyncio.run(_opened())])
def test_where_there_is_no_mesh_there_is_no_way(asked: Callable[[], object]) -> None:
    with pytest.raises(ViscriptError, match="no app of this host"):
        asked()


async def _opened() -> None:
    mesh = NoMesh()
    mesh.shut("pairing")
    assert await mesh.trouble("/x") == ""
    await mesh.open("pairing", "/x")


def test_a_key_is_shown_by_its_beginning() -> None:
    assert shown(MeshAddress(A)) == "mesh:aaaaaaaaaaaaaaaa"
    assert shown(Address("10.0.0.1", 7)) == "10.0.0.1:7"
