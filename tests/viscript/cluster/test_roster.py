import time
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from signal_bus.ids import PublicKey
from tests.support.rosters import admins, card_of, host, keys, member_of, roster_of, vouched
from viscript.cluster.model import VERSION_MAX, Signed, SignedMember, sign_card, sign_member
from viscript.cluster.roster import RECORDS_MAX, Roster, _bounded
from viscript.verbs.table import Role

CLUSTER, A, B, C, D = (host(number) for number in range(5))
ADMIN, VIEW = Role.ADMIN, Role.VIEW


def test_whom_the_cluster_key_vouches_for_belongs() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER), vouched(B, CLUSTER, role=ADMIN))
    assert set(roster.present) == keys(A, B)
    assert roster.role_of(A.public_key) is VIEW
    assert roster.role_of(B.public_key) is ADMIN
    assert roster.role_of(C.public_key) is None


def test_an_admin_vouches_and_others_do_not() -> None:
    roster = roster_of(
        CLUSTER,
        vouched(A, CLUSTER, role=ADMIN),
        vouched(B, CLUSTER, by=A, role=Role.OPERATE),
        vouched(C, CLUSTER, by=B),
    )
    assert set(roster.present) == keys(A, B)


def test_a_chain_of_admins_holds_in_any_order() -> None:
    records = (
        vouched(A, CLUSTER, role=ADMIN),
        vouched(B, CLUSTER, by=A, role=ADMIN),
        vouched(C, CLUSTER, by=B, role=ADMIN),
        vouched(D, CLUSTER, by=C),
    )
    for order in permutations(records):
        assert set(roster_of(CLUSTER, *order).present) == keys(A, B, C, D)
    assert [roster_of(CLUSTER, *records).rank(one.public_key) for one in (CLUSTER, A, B, C, D)] == [
        0, 1, 2, 3, None,
    ]  # fmt: skip


def test_a_record_of_another_cluster_is_left_out() -> None:
    assert not roster_of(CLUSTER, vouched(A, D)).slots


def test_nobody_vouches_for_himself() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER, by=A, role=ADMIN), vouched(B, CLUSTER, by=A))
    assert not roster.present


def test_a_revoked_host_is_gone_and_remembered() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER), vouched(A, CLUSTER, version=2, gone=True))
    assert not roster.present
    assert roster.verdict[A.public_key].gone


def test_at_the_same_version_the_revocation_holds() -> None:
    for order in permutations((vouched(A, CLUSTER, label="new"), vouched(A, CLUSTER, gone=True))):
        assert not roster_of(CLUSTER, *order).present


def test_a_revoked_host_may_be_let_in_again() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER, gone=True), vouched(A, CLUSTER, version=2))
    assert set(roster.present) == keys(A)


def test_what_a_revoked_admin_signed_falls_with_it_unless_signed_anew() -> None:
    before = roster_of(CLUSTER, vouched(A, CLUSTER, role=ADMIN), vouched(B, CLUSTER, by=A))
    assert [one.key for one in before.orphans(A.public_key)] == [B.public_key]
    gone = vouched(A, CLUSTER, role=ADMIN, version=2, gone=True)
    assert not before.merge([gone]).present
    again = vouched(B, CLUSTER, version=before.next_version(B.public_key))
    assert set(before.merge([gone, again]).present) == keys(B)


def test_a_demoted_admin_signs_no_more() -> None:
    roster = roster_of(
        CLUSTER,
        vouched(A, CLUSTER, role=ADMIN),
        vouched(A, CLUSTER, version=2),
        vouched(B, CLUSTER, by=A, version=9),
    )
    assert set(roster.present) == keys(A)
    assert not roster.may_change(A.public_key, B.public_key)


def test_an_admin_revokes_whom_he_let_in_and_a_member_but_not_his_elders_nor_his_equals() -> None:
    roster = admins(CLUSTER, A, B).merge([vouched(C, CLUSTER, by=A, role=ADMIN), vouched(D, CLUSTER)])
    may = {(one, other): roster.may_change(one.public_key, other.public_key)
           for one in (CLUSTER, A, B, C, D) for other in (A, B, C, D)}  # fmt: skip
    assert {pair for pair, allowed in may.items() if allowed} == {
        (CLUSTER, A), (CLUSTER, B), (CLUSTER, C), (CLUSTER, D), (A, C), (A, D), (B, C), (B, D), (C, D),
    }  # fmt: skip
    for (one, other), allowed in may.items():
        record = vouched(other, CLUSTER, by=one, version=5, gone=True)
        assert (other.public_key not in roster.merge([record]).present) == allowed


def test_two_admins_cannot_put_each_other_out() -> None:
    roster = admins(CLUSTER, A, B).merge(
        [
            vouched(A, CLUSTER, by=B, version=2, gone=True),
            vouched(B, CLUSTER, by=A, version=2, gone=True),
        ]
    )
    assert set(roster.present) == keys(A, B)


def test_the_one_let_in_cannot_put_out_the_one_who_let_him_in() -> None:
    roster = admins(CLUSTER, A).merge(
        [vouched(B, CLUSTER, by=A, role=ADMIN), vouched(A, CLUSTER, by=B, version=2, gone=True)]
    )
    assert set(roster.present) == keys(A, B)


def test_a_host_says_itself_where_it_is_but_not_what_it_may_do() -> None:
    card = card_of(A, addresses=("tcp://10.0.0.9:7791",), labels={"role": "edge"}, mesh=A.public_key)
    roster = roster_of(CLUSTER, vouched(A, CLUSTER, label="a")).merge(cards=[sign_card(card, A)])
    seen = roster.present[A.public_key]
    assert seen.addresses == card.addresses
    assert seen.labels == card.labels
    assert seen.mesh == card.mesh
    assert (seen.role, seen.label) == (VIEW, "a")


def test_the_newer_card_holds() -> None:
    cards = [sign_card(card_of(A, version=one, labels={"n": str(one)}), A) for one in (2, 3, 1)]
    roster = roster_of(CLUSTER, vouched(A, CLUSTER)).merge(cards=cards)
    assert roster.present[A.public_key].labels == {"n": "3"}


def test_what_could_never_count_is_not_kept() -> None:
    strange = sign_card(card_of(D), D)
    roster = admins(CLUSTER, A).merge(
        [vouched(B, CLUSTER), vouched(C, CLUSTER, by=B), vouched(D, CLUSTER, by=D)], cards=[strange]
    )
    kept = roster.trimmed()
    assert {slot[0] for slot in kept.slots} == keys(A, B)
    assert not kept.cards
    assert kept.present == roster.present


def test_what_a_revoked_admin_signed_is_kept_since_he_may_come_back() -> None:
    roster = roster_of(
        CLUSTER, vouched(A, CLUSTER, role=ADMIN, gone=True), vouched(B, CLUSTER, by=A)
    ).trimmed()
    assert set(roster.merge([vouched(A, CLUSTER, role=ADMIN, version=2)]).present) == keys(A, B)


def test_a_roster_has_a_bound() -> None:
    assert len(_bounded({PublicKey(n.to_bytes(3)): n for n in range(RECORDS_MAX + 9)})) == RECORDS_MAX


def test_the_next_version_beats_every_record_there_is() -> None:
    roster = roster_of(CLUSTER, vouched(A, CLUSTER, version=3), vouched(A, CLUSTER, by=B, version=7))
    assert roster.next_version(A.public_key) == 8
    assert roster.next_version(B.public_key) == 1


# Merging, whatever is known in whatever order.

HOSTS = (A, B, C, D)


def _pool() -> list[SignedMember]:
    """Every host vouched for by every other and the cluster's key, in some versions, roles, gone or not."""
    return [
        sign_member(
            member_of(of, CLUSTER, by, version=version, role=role, gone=gone), by
        )
        for of in HOSTS
        for by in (CLUSTER, *HOSTS)
        for version in (1, 2)
        for role, gone in ((VIEW, False), (ADMIN, False), (ADMIN, True))
    ]  # fmt: skip


POOL = _pool()
CARDS = [sign_card(card_of(one, version=version), one) for one in HOSTS for version in (1, 2)]
rosters = st.builds(
    lambda members, cards: Roster(CLUSTER.public_key).merge(members, cards),
    st.lists(st.sampled_from(POOL), max_size=12),
    st.lists(st.sampled_from(CARDS), max_size=4),
)


@given(one=rosters, two=rosters, three=rosters)
@settings(max_examples=200)
def test_merging_is_commutative_associative_and_idempotent(one: Roster, two: Roster, three: Roster) -> None:
    assert one.join(two) == two.join(one)
    assert one.join(two).join(three) == one.join(two.join(three))
    assert one.join(one) == one
    assert one.join(two).digest == two.join(one).digest


@given(one=rosters)
@settings(max_examples=200)
def test_trimming_takes_away_nothing_that_counts(one: Roster) -> None:
    assert one.trimmed().present == one.present
    assert one.trimmed().verdict == one.verdict
    assert one.trimmed().trimmed() == one.trimmed()


@given(one=rosters, two=rosters)
@settings(max_examples=200)
def test_two_that_exchange_all_they_keep_agree(one: Roster, two: Roster) -> None:
    kept, other = one.trimmed(), two.trimmed()
    assert kept.join(other).trimmed() == other.join(kept).trimmed()


@given(one=rosters)
@settings(max_examples=200)
def test_every_verdict_is_signed_by_an_admin_nearer_to_the_cluster_key(one: Roster) -> None:
    for key, member in one.verdict.items():
        signer, own = one.rank(member.by), one.rank(key)
        assert signer is not None
        assert own is None or signer < own


@given(one=rosters)
@settings(max_examples=200)
def test_the_rounds_are_those_of_the_rule(one: Roster) -> None:
    """The slow way: in rounds, whoever is an admin by the best record of the admins so far."""
    ranks = {CLUSTER.public_key: 0}
    for number in range(1, len(HOSTS) + 2):
        best: dict[PublicKey, SignedMember] = {}
        for (key, by), record in one.slots.items():
            if by in ranks and (key not in best or record.beats(best[key])):
                best[key] = record
        admins_now = {
            key for key, record in best.items() if record.body.role is ADMIN and not record.body.gone
        }
        ranks.update(dict.fromkeys(admins_now - ranks.keys(), number))
    assert one._ranks == ranks


def test_a_long_chain_of_admins_costs_no_more_than_its_records() -> None:
    chain = [PublicKey(number.to_bytes(32, "big")) for number in range(1, 6001)]
    first = member_of(A, CLUSTER, CLUSTER, role=ADMIN, label="x")
    records = [
        Signed(structs.replace(first, key=of, by=by), of)  # signatures are checked where records come in
        for of, by in zip(chain, (CLUSTER.public_key, *chain), strict=False)
    ]
    begun = time.process_time()
    roster = Roster(CLUSTER.public_key).merge(records).trimmed()
    assert roster.rank(chain[-1]) == 6000
    assert len(roster.present) == 6000
    assert time.process_time() - begun < 1.5, "each round over all of them takes many seconds"


@given(one=rosters, of=st.sampled_from(HOSTS), by=st.sampled_from((CLUSTER, *HOSTS)), gone=st.booleans())
@settings(max_examples=200)
def test_who_may_change_a_host_does(one: Roster, of: object, by: object, gone: bool) -> None:
    assert isinstance(of, type(A))
    assert isinstance(by, type(A))
    version = one.next_version(of.public_key)
    record = vouched(of, CLUSTER, by=by, version=version, gone=gone)
    counts = one.merge([record]).verdict.get(of.public_key) == record.body
    assert counts == one.may_change(by.public_key, of.public_key)


@given(one=rosters)
@settings(max_examples=100)
def test_the_digest_tells_two_rosters_apart(one: Roster) -> None:
    for other in (one.merge([POOL[0]]), one.merge(cards=[CARDS[-1]])):
        assert (other == one) == (other.digest == one.digest)


def test_an_admin_that_signs_itself_the_highest_version_is_put_out_all_the_same() -> None:
    roster = roster_of(
        CLUSTER, vouched(A, CLUSTER, role=ADMIN), vouched(A, CLUSTER, by=A, role=ADMIN, version=VERSION_MAX)
    )
    assert roster.next_version(A.public_key) == 2
    gone = vouched(A, CLUSTER, version=2, gone=True)
    assert not roster.merge([gone]).present


def test_whom_an_admin_gave_the_highest_version_is_put_out_all_the_same() -> None:
    admin, high = vouched(A, CLUSTER, role=ADMIN), vouched(B, CLUSTER, by=A, version=VERSION_MAX)
    roster = roster_of(CLUSTER, admin, high)
    assert roster.next_version(B.public_key) == VERSION_MAX
    gone = vouched(B, CLUSTER, version=VERSION_MAX, gone=True)
    assert set(roster.merge([gone]).present) == keys(A)
