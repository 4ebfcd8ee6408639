"""Which record a pairing makes, and which it takes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.paired import PairingHome, pairing_home
from tests.support.rosters import card_of, host, roster_of, vouched
from viscript.cluster.model import sign_card
from viscript.cluster.pairing.membership import (
    admit,
    check_label,
    label_fault,
    label_from,
    may_invite,
    receive,
)
from viscript.cluster.pairing.side import Other
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role

CLUSTER, A, B, C = (host(number) for number in range(4))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "home", "alpha") as made:
        yield made


def other_of(identity: Identity, role: Role = Role.VIEW, cluster: PublicKey | None = None) -> Other:
    card = sign_card(card_of(identity), identity)
    return Other(key=identity.public_key, label="b", card=card, version="", role=role, cluster=cluster)


async def founded(home: PairingHome) -> None:
    await home.book.found(card_of(home.key), "alpha")


async def test_a_member_is_made_with_the_role_that_was_offered(home: PairingHome) -> None:
    await founded(home)
    records = await admit(home.book, other_of(B, Role.OPERATE), "beta")
    assert len(records) == 2, "this host's and the new one's"
    assert home.book.roster is not None
    made = home.book.roster.present[B.public_key]
    assert (made.label, made.role) == ("beta", Role.OPERATE)


async def test_who_was_put_out_is_let_in_by_a_higher_version(home: PairingHome) -> None:
    await founded(home)
    signer = may_invite(home.book)
    await home.book.take([vouched(B, signer, version=7, gone=True)])
    await admit(home.book, other_of(B), "beta")
    assert home.book.roster is not None
    assert home.book.roster.present[B.public_key].version == 8


async def test_a_label_is_given_once(home: PairingHome) -> None:
    await founded(home)
    with pytest.raises(VerbError, match='"alpha" is in this cluster'):
        await admit(home.book, other_of(B), "ALPHA")


async def test_a_label_that_is_none_makes_no_record(home: PairingHome) -> None:
    await founded(home)
    with pytest.raises(VerbError, match="no label"):
        await admit(home.book, other_of(B), "two words")


async def test_a_host_that_may_only_look_lets_nobody_in(home: PairingHome) -> None:
    await home.book.pin(CLUSTER.public_key, [vouched(home.key, CLUSTER)])
    with pytest.raises(VerbError, match="its role is view") as told:
        await admit(home.book, other_of(B), "beta")
    assert told.value.code is ExitCode.NOT_PERMITTED


async def test_a_host_that_was_put_out_lets_nobody_in(home: PairingHome) -> None:
    await home.book.pin(CLUSTER.public_key, [vouched(home.key, CLUSTER, role=Role.ADMIN)])
    await home.book.take([vouched(home.key, CLUSTER, version=2, gone=True)])
    with pytest.raises(VerbError, match="put out"):
        may_invite(home.book)


async def test_an_admin_nearer_to_the_founder_is_not_changed(home: PairingHome) -> None:
    await home.book.pin(
        CLUSTER.public_key,
        [vouched(home.key, CLUSTER, role=Role.ADMIN), vouched(B, CLUSTER, role=Role.ADMIN)],
    )
    with pytest.raises(VerbError, match="cannot change") as told:
        await admit(home.book, other_of(B), "beta")
    assert told.value.code is ExitCode.NOT_PERMITTED


async def test_the_joiner_takes_what_was_shown(home: PairingHome) -> None:
    records = (vouched(A, CLUSTER, role=Role.ADMIN), vouched(home.key, CLUSTER, by=A, label="beta"))
    me = await receive(
        home.book, other_of(A, cluster=CLUSTER.public_key), tuple(one.record for one in records)
    )
    assert me.label == "beta"
    assert home.book.roster is not None
    assert A.public_key in home.book.roster.cards


@pytest.mark.parametrize(
    "what, role",
    [
        ("another cluster", Role.VIEW),
        ("another role", Role.OPERATE),
        ("not name the host", Role.VIEW),
        ("a record", Role.VIEW),
    ],
)
async def test_the_joiner_takes_nothing_else(home: PairingHome, what: str, role: Role) -> None:
    given = {
        "another cluster": (vouched(A, C).record, vouched(home.key, CLUSTER).record),
        "another role": (vouched(A, CLUSTER).record, vouched(home.key, CLUSTER).record),
        "not name the host": (vouched(home.key, CLUSTER).record,),
        "a record": (b"no record",),
    }[what]
    with pytest.raises(VerbError, match=what):
        await receive(home.book, other_of(A, role, CLUSTER.public_key), given)
    assert home.book.cluster is None


async def test_records_that_do_not_count_make_no_member(home: PairingHome) -> None:
    forged = (vouched(A, CLUSTER, by=B).record, vouched(home.key, CLUSTER, by=A).record)
    with pytest.raises(VerbError, match="do not make this host a member"):
        await receive(home.book, other_of(A, cluster=CLUSTER.public_key), forged)


async def test_a_host_in_a_cluster_takes_no_other(home: PairingHome) -> None:
    await founded(home)
    records = (vouched(A, CLUSTER).record, vouched(home.key, CLUSTER).record)
    with pytest.raises(VerbError, match="already"):
        await receive(home.book, other_of(A, cluster=CLUSTER.public_key), records)


@pytest.mark.parametrize(
    "text, label",
    [
        ("vm-1", "vm-1"),
        ("a b", "a-b"),
        ("", "host"),
        ("7", "host-7"),
        ("...", "host"),
        ("\u00e4", "host"),
        ("x" * 80, "x" * 63),
    ],
)
def test_a_label_is_made_of_any_name(text: str, label: str) -> None:
    assert label_from(text) == label


@pytest.mark.parametrize("text", ["", "two words", "7", "a/b", "x" * 64, "-a"])
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(VerbError, match="no label"):
        check_label(text)


def test_a_host_may_keep_its_own_label() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER, label="alpha"))
    assert label_fault(roster, A.public_key, "alpha") == ""
    assert label_fault(roster, B.public_key, "Alpha") != ""
    assert label_fault(roster, B.public_key, "beta") == ""
    assert label_fault(roster, B.public_key, "7") == '"7" is no label of a host'
