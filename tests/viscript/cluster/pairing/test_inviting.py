"""Inviting: founding, the port, and all that a code may meet with."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from tests.support.paired import PairingHome, pair, pairing_home, until
from tests.support.rosters import host, vouched
from viscript.cluster.pairing.code import Address
from viscript.cluster.pairing.invitations import LIFETIME_S, MOST_FAILURES, MOST_OPEN, Invitation, State
from viscript.cluster.pairing.inviting import Wish, _never
from viscript.errors import ExitCode, VerbError
from viscript.store.writer import StoreError
from viscript.verbs.table import Role


@pytest.fixture
async def alpha(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "alpha", "alpha") as made:
        yield made


@pytest.fixture
async def beta(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "beta", "beta") as made:
        yield made


def _has_failed_since(made: Invitation, before: int) -> bool:
    return made.failures > before


def port_of(home: PairingHome) -> int | None:
    return home.pairing.inviting._listener.port


async def test_the_first_invitation_founds_a_cluster(alpha: PairingHome) -> None:
    made = await alpha.invite()
    assert alpha.book.is_founder
    assert made.code.is_by(alpha.key.public_key)
    assert made.code.addresses == (Address("127.0.0.1", port_of(alpha) or 0),)


async def test_two_first_invitations_at_once_found_one_cluster(alpha: PairingHome) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(alpha.invite())
    assert len(alpha.pairing.inviting.invitations.live()) == 3


async def test_the_port_is_open_while_an_invitation_is(alpha: PairingHome) -> None:
    first, second = await alpha.invite(), await alpha.invite()
    assert port_of(alpha) is not None
    alpha.pairing.inviting.withdraw(first)
    assert port_of(alpha) is not None
    alpha.pairing.inviting.withdraw(second)
    assert port_of(alpha) is None


async def test_a_code_has_the_addresses_of_the_host_unless_it_is_told_others(alpha: PairingHome) -> None:
    made = await alpha.pairing.inviting.invite(Wish())
    assert {cast(Address, address).port for address in made.code.addresses} == {port_of(alpha)}
    told = await alpha.pairing.inviting.invite(Wish(addresses=("gate.example:80", "10.0.0.9")))
    assert told.code.addresses == (Address("gate.example", 80), Address("10.0.0.9", port_of(alpha) or 0))


async def test_what_is_no_address_opens_nothing(alpha: PairingHome) -> None:
    with pytest.raises(VerbError, match="no address"):
        await alpha.pairing.inviting.invite(Wish(addresses=("a b",)))
    assert port_of(alpha) is None
    assert alpha.book.cluster is None
    with pytest.raises(VerbError, match="no label"):
        await alpha.pairing.inviting.invite(Wish(name="two words"))


async def test_a_label_that_is_taken_is_said_at_once(alpha: PairingHome, beta: PairingHome) -> None:
    await pair(alpha, beta)
    with pytest.raises(VerbError, match='"beta" is in this cluster'):
        await alpha.invite(name="beta")


async def test_a_new_host_is_not_called_as_this_one(alpha: PairingHome) -> None:
    await alpha.invite()
    with pytest.raises(VerbError, match='"alpha" is in this cluster already') as wrong:
        await alpha.invite(name="alpha")
    assert "leave --for out" in wrong.value.detail


async def test_too_many_invitations_are_refused_and_the_port_stays(alpha: PairingHome) -> None:
    for _ in range(MOST_OPEN):
        await alpha.invite()
    with pytest.raises(VerbError, match="open already"):
        await alpha.invite()
    assert port_of(alpha) is not None


async def test_a_host_that_may_only_look_invites_nobody(alpha: PairingHome) -> None:
    cluster = host(0)
    await alpha.book.pin(cluster.public_key, [vouched(alpha.key, cluster)])
    with pytest.raises(VerbError, match="may not let others in") as told:
        await alpha.invite()
    assert told.value.code is ExitCode.NOT_PERMITTED


async def test_a_key_file_that_cannot_be_used_founds_nothing(alpha: PairingHome, tmp_path: Path) -> None:
    file = tmp_path / "alpha" / "cluster.key"
    file.write_text("00" * 32)
    file.chmod(0o644)
    with pytest.raises(VerbError, match="no cluster can be founded"):
        await alpha.invite()


async def test_a_used_code_is_refused(alpha: PairingHome, beta: PairingHome, tmp_path: Path) -> None:
    made = await alpha.invite()
    keeps_the_port_open = await alpha.invite()
    mine = await beta.join(made)
    alpha.pairing.approve(mine.words)
    beta.pairing.approve(mine.words)
    await mine.result()
    async with pairing_home(tmp_path / "gamma", "gamma") as gamma:
        with pytest.raises(VerbError, match="used already"):
            await gamma.join(made)
    assert keeps_the_port_open.is_live


async def test_an_expired_code_is_refused_and_whoever_waits_is_told(
    alpha: PairingHome, beta: PairingHome
) -> None:
    made = await alpha.invite()
    alpha.clock.ahead = LIFETIME_S - 1
    later = await alpha.invite()
    alpha.clock.ahead = LIFETIME_S + 1
    with pytest.raises(VerbError, match="has expired"):
        await beta.join(made)
    assert later.is_live
    assert alpha.pairing.inviting.left(made) == 0
    alpha.pairing.inviting._look()
    async with asyncio.timeout(10):
        assert await alpha.pairing.inviting.change_of(made) is None


async def test_the_alarm_ends_what_is_over(alpha: PairingHome) -> None:
    alpha.clock.ahead = 0.0
    made = await alpha.invite()
    alpha.clock.ahead = LIFETIME_S
    alpha.pairing.inviting._set_alarm()
    await until(lambda: made.state is State.EXPIRED)
    assert port_of(alpha) is None


async def test_three_failures_burn_a_code(alpha: PairingHome, beta: PairingHome) -> None:
    made = await alpha.invite()
    for _ in range(MOST_FAILURES):
        before = made.failures
        mine = await beta.join(made)
        mine.no("the person there left")
        await mine.over.wait()
        await until(partial(_has_failed_since, made, before))
    assert made.state is State.BURNT
    assert "left" in made.fault


async def test_a_second_host_with_the_same_code_is_told_that_it_is_busy(
    alpha: PairingHome, beta: PairingHome, tmp_path: Path
) -> None:
    made = await alpha.invite()
    await beta.join(made)
    async with pairing_home(tmp_path / "gamma", "gamma") as gamma:
        with pytest.raises(VerbError, match="another host is pairing"):
            await gamma.join(made)
    assert made.failures == 0


async def test_a_code_that_is_withdrawn_ends_the_pairing_under_way(
    alpha: PairingHome, beta: PairingHome
) -> None:
    made = await alpha.invite()
    mine = await beta.join(made)
    await alpha.meeting(made)
    alpha.pairing.inviting.withdraw(made)
    with pytest.raises(VerbError, match="was withdrawn"):
        await mine.result()


async def test_nobody_is_let_in_by_a_code_that_was_withdrawn_meanwhile(
    alpha: PairingHome, beta: PairingHome
) -> None:
    made = await alpha.invite()
    mine = await beta.join(made)
    theirs = await alpha.meeting(made)
    mine.yes()
    await until(lambda: theirs.side.phase.value == "theirs")
    theirs.yes()
    made.state = State.WITHDRAWN
    with pytest.raises(VerbError, match="was withdrawn"):
        await mine.result()
    assert alpha.book.roster is not None
    assert len(alpha.book.roster.present) == 1


async def test_a_record_that_cannot_be_kept_lets_nobody_in(
    alpha: PairingHome, beta: PairingHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await alpha.invite()
    mine = await beta.join(made)
    theirs = await alpha.meeting(made)

    async def full(*_: object) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(alpha.book, "take", full)
    theirs.yes()
    mine.yes()
    with pytest.raises(VerbError, match="the disk is full"):
        await mine.result()
    assert beta.book.cluster is None
    assert made.is_live


async def test_strangers_at_the_port_burn_no_code(alpha: PairingHome, beta: PairingHome) -> None:
    made = await alpha.invite()
    for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x00\x04vsp1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(alpha))
        writer.write(noise)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert made.failures == 0
    await pair(alpha, beta)


def test_an_inviter_is_never_welcomed() -> None:
    with pytest.raises(AssertionError):
        _never(None, ())  # type: ignore[arg-type]  # nothing of it is looked at


async def test_who_joins_with_the_role_of_an_operator_has_it(alpha: PairingHome, beta: PairingHome) -> None:
    await pair(alpha, beta, Role.OPERATE, "edge-7")
    assert beta.book.me is not None
    assert (beta.book.me.label, beta.book.me.role) == ("edge-7", Role.OPERATE)
