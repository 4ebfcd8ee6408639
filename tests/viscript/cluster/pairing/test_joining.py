"""Joining: where a code leads, and what is said when it leads nowhere."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.paired import PairingHome, pair, pairing_home, until
from viscript.cluster.pairing import joining
from viscript.cluster.pairing.code import Address, AnyAddress, Code, parse
from viscript.cluster.pairing.joining import judged
from viscript.errors import ExitCode, VerbError
from viscript.store.writer import StoreError


@pytest.fixture
async def alpha(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "alpha", "alpha") as made:
        yield made


@pytest.fixture
async def beta(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "beta", "beta") as made:
        yield made


def leading(code: Code, *addresses: AnyAddress) -> Code:
    return dataclasses.replace(code, addresses=addresses)


def nobody() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Address("127.0.0.1", free.getsockname()[1])


async def test_the_next_address_is_tried_when_nobody_answers_at_the_first(
    alpha: PairingHome, beta: PairingHome
) -> None:
    made = await alpha.invite()
    mine = await beta.join(leading(made.code, nobody(), *made.code.addresses))
    assert mine.words


async def test_a_name_in_a_code_that_can_be_none_is_passed_by(alpha: PairingHome, beta: PairingHome) -> None:
    made = await alpha.invite()
    odd = Code(made.code.secret, made.code.prefix, (Address("a..b", 7792), *made.code.addresses))
    mine = await beta.join(parse(odd.text()))
    assert mine.words


async def test_another_host_at_the_first_address_is_passed_by(
    alpha: PairingHome, beta: PairingHome, tmp_path: Path
) -> None:
    made = await alpha.invite()
    async with pairing_home(tmp_path / "other", "other") as other:
        theirs = await other.invite()
        mine = await beta.join(leading(made.code, *theirs.code.addresses, *made.code.addresses))
        assert mine.other.key == alpha.key.public_key


async def test_nobody_anywhere_says_what_to_look_at(alpha: PairingHome, beta: PairingHome) -> None:
    made = await alpha.invite()
    with pytest.raises(VerbError, match="holds for 10 minutes and only while") as told:
        await beta.join(leading(made.code, nobody(), nobody()))
    assert told.value.code is ExitCode.UNREACHABLE


async def test_a_code_of_another_host_is_refused(
    alpha: PairingHome, beta: PairingHome, tmp_path: Path
) -> None:
    made = await alpha.invite()
    async with pairing_home(tmp_path / "other", "other") as other:
        theirs = await other.invite()
        with pytest.raises(VerbError, match="no such invitation") as told:
            await beta.join(leading(made.code, *theirs.code.addresses))
        assert told.value.code is ExitCode.FAILED


async def test_an_address_that_swallows_everything_is_given_up(
    alpha: PairingHome, beta: PairingHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def swallow(*_: object) -> None:
        await asyncio.Event().wait()

    made = await alpha.invite()
    monkeypatch.setattr(joining, "CONNECT_S", 0.05)
    monkeypatch.setattr(asyncio, "open_connection", swallow)
    with pytest.raises(VerbError, match="no answer within"):
        await beta.join(made)


async def test_a_code_of_ones_own_is_refused(alpha: PairingHome) -> None:
    made = await alpha.invite()
    with pytest.raises(VerbError, match="of this very host") as told:
        await alpha.join(made)
    assert told.value.code is ExitCode.USAGE


async def test_a_code_without_an_address_says_how_to_make_another(
    alpha: PairingHome, beta: PairingHome
) -> None:
    made = await alpha.invite()
    with pytest.raises(VerbError, match="--addr"):
        await beta.join(leading(made.code))


async def test_a_host_in_a_cluster_leaves_it_first(
    alpha: PairingHome, beta: PairingHome, tmp_path: Path
) -> None:
    await pair(alpha, beta)
    async with pairing_home(tmp_path / "gamma", "gamma") as gamma:
        made = await gamma.invite()
        with pytest.raises(VerbError, match=r"as beta \(1 other host\); leave it first: host leave"):
            await beta.join(made)
        await beta.book.leave()
        await pair(gamma, beta)
        assert beta.book.cluster == gamma.book.cluster


async def test_a_host_that_was_put_out_is_told_to_leave_first(alpha: PairingHome, beta: PairingHome) -> None:
    await pair(alpha, beta)
    made = await alpha.invite()
    assert beta.book.roster is not None
    object.__setattr__(beta.book.roster, "slots", {})
    beta.book.roster.__dict__.pop("verdict", None)
    beta.book.roster.__dict__.pop("_counting", None)
    beta.book.roster.__dict__.pop("present", None)
    with pytest.raises(VerbError, match="put it out"):
        await beta.join(made)


async def test_one_code_at_a_time(alpha: PairingHome, beta: PairingHome) -> None:
    first, second = await alpha.invite(), await alpha.invite()
    mine = await beta.join(first)
    with pytest.raises(VerbError, match="by another code right now"):
        await beta.join(second)
    mine.no("the person there left")
    assert (await beta.join(second)).words


async def test_a_membership_that_cannot_be_kept_is_none_and_the_inviter_hears_of_it(
    alpha: PairingHome, beta: PairingHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await alpha.invite()
    mine = await beta.join(made)
    theirs = await alpha.meeting(made)

    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(beta.book, "pin", full)
    mine.yes()
    theirs.yes()
    with pytest.raises(VerbError, match="the disk is full"):
        await mine.result()
    with pytest.raises(VerbError, match="the other side ended it: the disk is full"):
        await theirs.result()
    assert beta.book.cluster is None


async def test_who_gives_up_while_it_connects_leaves_nothing_behind(
    alpha: PairingHome, beta: PairingHome
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1])
        code = leading((await alpha.invite()).code, address)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(beta.join(code))
            await until(lambda: beta.pairing.joining._busy)
            await asyncio.sleep(0)
            waiting.cancel()
    assert not beta.pairing.joining._busy
    assert beta.pairing.meetings() == []


def test_what_a_host_said_counts_more_than_silence() -> None:
    silent = VerbError(ExitCode.UNREACHABLE, "a: no answer")
    said = VerbError(ExitCode.FAILED, "b: used")
    assert judged([silent, said, silent]) is said
    assert "a: no answer; a: no answer" in judged([silent, silent]).text
