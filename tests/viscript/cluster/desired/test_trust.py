"""Which orders count: role, version, cluster, name, expiry."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.rosters import host
from viscript.cluster.desired import trust
from viscript.cluster.desired.record import (
    Deployment,
    HostOrder,
    Mode,
    sign_deployment,
    sign_host_order,
)
from viscript.cluster.desired.trust import Book, Trust, following, is_admins, newest
from viscript.cluster.model import VERSION_MAX
from viscript.verbs.table import Role

OPERATOR, VIEWER, STRANGER, ADMIN = (host(number) for number in range(4))
CLUSTER, HOST = host(4).public_key, host(5).public_key
ROLES: dict[PublicKey, Role] = {
    OPERATOR.public_key: Role.OPERATE,
    VIEWER.public_key: Role.VIEW,
    ADMIN.public_key: Role.ADMIN,
}
TRUST = Trust(cluster=CLUSTER, role_of=ROLES.get)
NOBODY = Trust(cluster=CLUSTER, role_of=lambda key: None)


def record(
    signer: Identity = OPERATOR, *, cluster: PublicKey = CLUSTER, version: int = 1, **more: object
) -> bytes:
    body = Deployment(
        **{"cluster": cluster, "app": "web", "version": version, "by": signer.public_key, **more}  # type: ignore[arg-type]  # a test's own fields
    )
    return sign_deployment(body, signer).record


def host_record(signer: Identity = ADMIN, version: int = 1, mode: Mode = Mode.DRAINED) -> bytes:
    body = HostOrder(cluster=CLUSTER, host=HOST, mode=mode, version=version, by=signer.public_key)
    return sign_host_order(body, signer).record


@pytest.fixture
def book() -> Book:
    return Book()


def test_what_an_operator_signed_counts(book: Book) -> None:
    assert book.offer("web", record(), TRUST) == ""
    assert list(book.deployments(0)) == ["web"]


@pytest.mark.parametrize(
    "app,data,why",
    [
        ("web", b"written by hand", "bytes"),
        ("web", record(VIEWER), "may not operate"),
        ("web", record(STRANGER), "may not operate"),
        ("web", record(cluster=STRANGER.public_key), "another cluster"),
        ("other", record(), "it is of web"),
        ("web", record()[:-1] + b"x", ""),
    ],
)
def test_what_anybody_else_wrote_runs_nothing(book: Book, app: str, data: bytes, why: str) -> None:
    assert why in book.offer(app, data, TRUST)
    assert book.deployments(0) == {}
    assert app in book.refused


def test_an_older_order_is_not_taken_back(book: Book) -> None:
    book.offer("web", record(version=2, gone=True), TRUST)
    assert "older" in book.offer("web", record(version=1), TRUST)
    assert book.deployments(0) == {}
    assert newest([book.deployment("web")]) == 2
    assert newest([None]) == 0


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=8), st.randoms(use_true_random=False)
)
def test_hosts_agree_in_whatever_order_they_read(orders: list[tuple[int, int]], random: Random) -> None:
    records = [record(version=version, count=count) for version, count in orders]
    one, other = Book(), Book()
    for data in records:
        one.offer("web", data, TRUST)
    random.shuffle(records)
    for data in records:
        other.offer("web", data, TRUST)
    assert one.deployments(0) == other.deployments(0)


def test_what_has_expired_counts_as_taken_away(book: Book) -> None:
    book.offer("web", record(expires=100.0), TRUST)
    assert list(book.deployments(99.0)) == ["web"]
    assert book.deployments(100.0) == {}


def test_what_was_taken_outlives_its_signers_role(book: Book) -> None:
    data = record()
    book.offer("web", data, TRUST)
    assert book.offer("web", data, NOBODY) == ""
    assert "may not operate" in book.offer("web", record(version=2), NOBODY)
    assert book.deployments(0)["web"].version == 1


def test_a_good_order_ends_the_refusal_of_a_bad_one(book: Book) -> None:
    book.offer("web", b"x", TRUST)
    book.offer("web", record(), TRUST)
    assert not book.refused


def test_an_order_to_a_host_counts_by_the_same_rules(book: Book) -> None:
    assert book.mode(HOST) is Mode.NORMAL
    assert "may not operate" in book.offer_host(HOST, host_record(VIEWER), TRUST)
    assert "bytes" in book.offer_host(HOST, b"", TRUST)
    assert "another host" in book.offer_host(CLUSTER, host_record(), TRUST)
    assert book.offer_host(HOST, host_record(version=2), TRUST) == ""
    assert "older" in book.offer_host(HOST, host_record(mode=Mode.NORMAL), TRUST)
    assert book.mode(HOST) is Mode.DRAINED
    assert newest([book.host_order(HOST)]) == 2


def test_who_may_only_operate_orders_no_host(book: Book) -> None:
    assert "may not operate hosts" in book.offer_host(HOST, host_record(OPERATOR), TRUST)
    assert book.mode(HOST) is Mode.NORMAL


def test_there_is_an_end_to_what_is_taken(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "MOST", 1)
    book.offer("web", record(), TRUST)
    assert "already" in book.offer("b", record(app="b"), TRUST)
    assert "already" not in book.offer("web", record(version=2), TRUST)
    book.offer_host(HOST, host_record(), TRUST)
    other = HostOrder(cluster=CLUSTER, host=CLUSTER, by=ADMIN.public_key)
    assert "already" in book.offer_host(CLUSTER, sign_host_order(other, ADMIN).record, TRUST)
    book.offer("c", record(app="c"), TRUST)
    assert list(book.refused) == ["b"]


def test_the_next_daemon_knows_what_was_taken(book: Book) -> None:
    book.offer("web", record(version=3), TRUST)
    book.offer_host(HOST, host_record(), TRUST)
    after = Book()
    assert after.restore(book.dump()) == []
    assert after.deployments(0)["web"].version == 3
    assert after.mode(HOST) is Mode.DRAINED
    assert "older" in after.offer("web", record(version=2), TRUST)


def test_a_memory_that_is_broken_is_told_and_the_rest_is_kept() -> None:
    good = record()
    data = msgspec.msgpack.encode({"deployments": [b"bad", good], "host_orders": [b"bad", host_record()]})
    book = Book()
    assert len(book.restore(data)) == 2
    assert list(book.deployments(0)) == ["web"]
    assert len(Book().restore(b"\xc1")) == 1


def test_a_role_that_may_more_may_this(book: Book) -> None:
    assert Trust(cluster=CLUSTER, role_of=lambda key: Role.ADMIN).believes(STRANGER.public_key)


def test_the_highest_version_of_one_who_belongs_no_more_is_followed(book: Book) -> None:
    for signer in (OPERATOR, VIEWER):  # whichever of the records is the smaller one
        first, second = (OPERATOR, VIEWER) if signer is OPERATOR else (VIEWER, OPERATOR)
        before = Trust(cluster=CLUSTER, role_of={first.public_key: Role.OPERATE}.get)
        after = Trust(cluster=CLUSTER, role_of={second.public_key: Role.OPERATE}.get)
        app = f"of-{second.public_key.hex()[:8]}"
        assert book.offer(app, record(first, app=app, version=VERSION_MAX), before) == ""
        assert following(book.deployment(app)) == VERSION_MAX
        gone = record(second, app=app, version=VERSION_MAX, gone=True)
        assert book.offer(app, gone, after) == ""
        assert "may not operate" in book.offer(app, record(first, app=app, version=VERSION_MAX), after)
    assert book.deployments(0) == {}
    assert following(None) == 1


@pytest.mark.parametrize(
    "signer,role,admins",
    [(ADMIN, Role.ADMIN, True), (ADMIN, Role.OPERATE, False), (OPERATOR, Role.ADMIN, False)],
)
def test_an_order_is_an_admins_by_its_signer_and_by_who_asked(
    signer: Identity, role: Role, admins: bool
) -> None:
    body = Deployment(cluster=CLUSTER, app="web", role=role, by=signer.public_key)
    assert is_admins(body, ROLES.get) is admins
