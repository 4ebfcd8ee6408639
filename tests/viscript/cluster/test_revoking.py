"""Putting a host out: who may, and what stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.paired import PairingHome, pair, pairing_home
from tests.support.rosters import host, vouched
from viscript.cluster.model import Member
from viscript.cluster.revoking import find_host, forget
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role

CLUSTER, A, B, C, D = (host(number) for number in range(5))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "home", "alpha") as made:
        await made.invite()
        yield made


async def labelled(home: PairingHome, **hosts: Role) -> None:
    signer = home.book.signer()
    assert signer is not None
    known = {"beta": B, "gamma": C, "delta": D}
    await home.book.take(
        [vouched(known[label], signer, label=label, role=role) for label, role in hosts.items()]
    )


async def test_a_host_is_put_out_and_stays_out(home: PairingHome) -> None:
    await labelled(home, beta=Role.VIEW)
    gone = await forget(home.book, "beta")
    assert gone.key == B.public_key
    assert home.book.roster is not None
    assert B.public_key not in home.book.roster.present
    assert home.book.roster.verdict[B.public_key].gone
    with pytest.raises(VerbError, match='no host "beta"') as told:
        await forget(home.book, "beta")
    assert told.value.code is ExitCode.NOT_FOUND


async def test_it_is_named_by_its_key_too(home: PairingHome) -> None:
    await labelled(home, beta=Role.VIEW)
    assert (await forget(home.book, B.public_key.hex()[:8].upper())).label == "beta"


async def test_whom_it_let_in_stays(home: PairingHome) -> None:
    await labelled(home, beta=Role.ADMIN)
    signer = home.book.signer()
    assert signer is not None
    await home.book.take([vouched(C, signer, by=B, label="gamma", role=Role.OPERATE)])
    await forget(home.book, "beta")
    assert home.book.roster is not None
    stays = home.book.roster.present[C.public_key]
    assert (stays.label, stays.role, stays.by) == ("gamma", Role.OPERATE, signer.public_key)


async def test_this_host_leaves_and_is_not_forgotten(home: PairingHome) -> None:
    with pytest.raises(VerbError, match="host leave"):
        await forget(home.book, "alpha")


async def test_a_host_alone_forgets_nobody(tmp_path: Path) -> None:
    async with pairing_home(tmp_path / "alone", "alone") as home:
        with pytest.raises(VerbError, match="no cluster"):
            await forget(home.book, "beta")


async def test_who_may_not_says_who_may(tmp_path: Path, home: PairingHome) -> None:
    async with pairing_home(tmp_path / "second", "second") as second:
        await pair(home, second, Role.ADMIN)
        with pytest.raises(VerbError, match="the founder let in") as told:
            await forget(second.book, "alpha")
        assert told.value.code is ExitCode.NOT_PERMITTED


async def test_who_is_no_admin_is_told_its_role(tmp_path: Path, home: PairingHome) -> None:
    async with pairing_home(tmp_path / "second", "second") as second:
        await pair(home, second, Role.VIEW)
        with pytest.raises(VerbError, match="has the role view and puts nobody out; an admin") as told:
            await forget(second.book, "alpha")
        assert told.value.code is ExitCode.NOT_PERMITTED
        await forget(home.book, "second")
        assert home.book.roster is not None
        await second.book.take([one for one in home.book.roster.records() if isinstance(one.body, Member)])
        with pytest.raises(VerbError, match="was put out and puts nobody out"):
            await forget(second.book, "alpha")


async def test_an_admin_names_the_one_who_let_a_host_in(tmp_path: Path) -> None:
    async with pairing_home(tmp_path / "home", "home") as home:
        records = [
            vouched(A, CLUSTER, label="a", role=Role.ADMIN),
            vouched(B, CLUSTER, by=A, label="b"),
            vouched(home.key, CLUSTER, label="home"),
        ]
        await home.book.pin(CLUSTER.public_key, records)
        with pytest.raises(VerbError, match="whom a let in"):
            await forget(home.book, "b")


async def test_a_label_that_two_have_is_no_name(home: PairingHome) -> None:
    signer = home.book.signer()
    assert signer is not None
    await home.book.take([vouched(one, signer, label="twin") for one in (B, C)])
    assert home.book.roster is not None
    with pytest.raises(VerbError, match="means 2 hosts"):
        find_host(home.book.roster, "twin")
