"""Two homes that pair over loopback, as verbs do it: by words from the other screen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.paired import PairingHome, pair, pairing_home, until
from viscript.cluster.pairing.invitations import State
from viscript.cluster.pairing.pairing import _guard
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role


@pytest.fixture
async def alpha(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "alpha", "alpha") as made:
        yield made


@pytest.fixture
async def beta(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "beta", "beta") as made:
        yield made


@pytest.fixture
async def gamma(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "gamma", "gamma") as made:
        yield made


async def test_two_homes_become_hosts_of_one_cluster(alpha: PairingHome, beta: PairingHome) -> None:
    await pair(alpha, beta, Role.OPERATE)
    assert alpha.book.cluster == beta.book.cluster
    assert beta.book.me is not None
    assert (beta.book.me.label, beta.book.me.role) == ("beta", Role.OPERATE)
    for home in (alpha, beta):
        assert home.book.roster is not None
        assert {one.label for one in home.book.roster.present.values()} == {"alpha", "beta"}


async def test_an_admin_that_joined_lets_others_in(
    alpha: PairingHome, beta: PairingHome, gamma: PairingHome
) -> None:
    await pair(alpha, beta, Role.ADMIN)
    await pair(beta, gamma)
    assert gamma.book.cluster == alpha.book.cluster
    assert gamma.book.roster is not None
    assert gamma.book.roster.role_of(beta.key.public_key) is Role.ADMIN


async def test_two_join_the_same_home_at_once(
    alpha: PairingHome, beta: PairingHome, gamma: PairingHome
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(pair(alpha, beta))
        group.create_task(pair(alpha, gamma))
    assert alpha.book.roster is not None
    assert {one.label for one in alpha.book.roster.present.values()} == {"alpha", "beta", "gamma"}


async def test_words_of_another_screen_end_it_on_both_sides(alpha: PairingHome, beta: PairingHome) -> None:
    made = await alpha.invite()
    mine = await beta.join(made)
    with pytest.raises(VerbError, match="somebody may be in between") as told:
        alpha.pairing.approve("lusab babad gutih")
    assert told.value.code is ExitCode.NOT_PERMITTED
    with pytest.raises(VerbError, match="the other side says that the words differ"):
        await mine.result()
    await until(lambda: made.state is State.BURNT)
    with pytest.raises(VerbError, match="nobody answers"):
        await beta.join(made)


async def test_among_several_pairings_wrong_words_burn_none(
    alpha: PairingHome, beta: PairingHome, gamma: PairingHome
) -> None:
    first, second = await alpha.invite(), await alpha.invite()
    await beta.join(first)
    await gamma.join(second)
    await until(lambda: len(alpha.pairing.meetings()) == 2)
    with pytest.raises(VerbError, match="none of the 2 pairings"):
        alpha.pairing.approve("lusab babad gutih")
    assert len(alpha.pairing.meetings()) == 2


async def test_less_than_the_words_is_no_answer(alpha: PairingHome, beta: PairingHome) -> None:
    mine = await beta.join(await alpha.invite())
    with pytest.raises(VerbError, match="the 3 words") as told:
        beta.pairing.approve("yes")
    assert told.value.code is ExitCode.USAGE
    assert mine.waits_for_us


async def test_without_a_pairing_there_is_nothing_to_approve(alpha: PairingHome) -> None:
    with pytest.raises(VerbError, match="no pairing here") as told:
        alpha.pairing.approve("lusab babad gutih")
    assert told.value.code is ExitCode.NOT_FOUND


async def test_a_label_that_is_taken_asks_for_another(alpha: PairingHome, tmp_path: Path) -> None:
    async with pairing_home(tmp_path / "second", "alpha") as second:
        made = await alpha.invite()
        mine = await second.join(made)
        theirs = await alpha.meeting(made)
        second.pairing.approve(mine.words)
        with pytest.raises(VerbError, match="--label"):
            alpha.pairing.approve(mine.words)
        with pytest.raises(VerbError, match="no label"):
            alpha.pairing.approve(mine.words, "two words")
        assert theirs.waits_for_us
        alpha.pairing.approve(mine.words, "beta")
        await mine.result()
        assert second.book.me is not None
        assert second.book.me.label == "beta"


async def test_the_joiner_gives_no_label(alpha: PairingHome, beta: PairingHome) -> None:
    mine = await beta.join(await alpha.invite())
    with pytest.raises(VerbError, match="the host that invites"):
        beta.pairing.approve(mine.words, "gamma")


async def test_a_home_that_closes_tells_the_other_side(alpha: PairingHome, beta: PairingHome) -> None:
    mine = await beta.join(await alpha.invite())
    await until(lambda: alpha.pairing.meetings() != [])
    alpha.pairing.close()
    with pytest.raises(VerbError, match="the daemon there ends"):
        await mine.result()


async def test_a_bug_in_a_pairing_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise RuntimeError("a bug")

    await _guard(fails())
    assert "a pairing failed" in caplog.text
