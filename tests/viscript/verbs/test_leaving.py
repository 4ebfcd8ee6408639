"""host forget and host leave."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld
from tests.support.paired import PairingHome, pair, pairing_home
from tests.support.verbs import Said, say
from viscript.errors import ExitCode


@pytest.fixture
async def alpha(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "alpha", "alpha") as made:
        yield made


@pytest.fixture
async def beta(tmp_path: Path, alpha: PairingHome) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "beta", "beta") as made:
        await pair(alpha, made)
        yield made


async def told(home: PairingHome, command: str) -> Said:
    world = FakeWorld()
    world.book, world.pairing_of = home.book, lambda: home.pairing
    return await say(world, command)


async def test_a_host_is_put_out(alpha: PairingHome, beta: PairingHome) -> None:
    said = await told(alpha, "host forget beta -o json")
    assert said.json() == {"label": "beta", "public_key": beta.key.name}
    assert (await told(alpha, "host forget beta")).code == ExitCode.NOT_FOUND


async def test_a_host_that_may_only_look_puts_nobody_out(alpha: PairingHome, beta: PairingHome) -> None:
    assert (await told(beta, "host forget alpha")).code == ExitCode.NOT_PERMITTED


async def test_a_host_leaves(alpha: PairingHome, beta: PairingHome) -> None:
    said = await told(beta, "host leave")
    assert "belongs to no cluster now; the others list it until" in said.out
    assert beta.book.cluster is None
    again = await told(beta, "host leave")
    assert (again.code, "belongs to no cluster" in again.err) == (1, True)


async def test_who_leaves_takes_its_invitations_back(alpha: PairingHome) -> None:
    made = await alpha.invite()
    await told(alpha, "host leave")
    assert not made.is_live


async def test_the_founder_leaves_others_behind_by_force_only(alpha: PairingHome, beta: PairingHome) -> None:
    refused = await told(alpha, "host leave")
    assert (refused.code, "keeps its key, and 1 other host is in it" in refused.err) == (1, True)
    assert alpha.book.is_founder
    assert (await told(alpha, "host leave --force -o json")).json()["hosts"] == 1
    assert alpha.book.cluster is None


async def test_a_founder_alone_just_leaves(alpha: PairingHome) -> None:
    await alpha.invite()
    assert (await told(alpha, "host leave")).out == "this host belongs to no cluster now\n"
