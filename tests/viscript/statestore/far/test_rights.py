"""Who may write what in a store that is served."""

from __future__ import annotations

import pytest

from viscript.statestore.api import Delete, Get, Item, Op, Put
from viscript.statestore.errors import Refused
from viscript.statestore.far.rights import LEASE_MAX_S, check_lease, check_ttl, check_writes, guard_of
from viscript.verbs.table import Role

KEY = bytes(range(32))
STRANGER = bytes(32)
ME, OTHER = KEY.hex(), STRANGER.hex()
MINE, THEIRS, OURS, GONE = 5, 6, 7, 8  # leases: of the caller, of another host, of the one that serves


class Ground:
    """What is in the store, in a test."""

    def __init__(self, **leases: int) -> None:
        self._leases = {key.replace("_", "/"): lease for key, lease in leases.items()}

    def item(self, key: str) -> Item | None:
        return Item(key, b"", 1, 1, self._leases[key]) if key in self._leases else None

    def owner(self, lease: int) -> bytes | None:
        return {MINE: KEY, THEIRS: STRANGER, OURS: b""}.get(lease)


@pytest.mark.parametrize(
    "operation",
    [
        Put(f"alive/{ME}", b"", 5),
        Put(f"observed/{ME}/7", b"", 5),
        Put("run/web/1", b"", 5),
        Delete("run/web/1"),
        Put("requests/ab", b"", 5),
        Put(f"audit/{ME}/01", b""),
        Get("desired/web"),
    ],
)
def test_a_host_that_only_views_says_how_it_stands(operation: Op) -> None:
    check_writes((operation,), key=KEY, role=Role.VIEW)


@pytest.mark.parametrize(
    "operation",
    [
        Put("desired/web", b""),
        Delete("desired/web"),
        Put(f"alive/{OTHER}", b""),
        Put(f"alive/{ME}x", b""),
        Delete(f"observed/{OTHER}/7"),
        Put(f"orders/{ME}", b""),
        Put("leaders", b""),
        Put("leader", b"", 5),
        Put("assign/web/1", b""),
        Put("anything", b""),
    ],
)
def test_what_is_wanted_is_written_by_those_that_operate(operation: Op) -> None:
    with pytest.raises(Refused, match="an admin can give operate"):
        check_writes((Get("a"), operation), key=KEY, role=Role.VIEW)
    for role in (Role.OPERATE, Role.ADMIN):
        check_writes((operation,), key=KEY, role=role)


@pytest.mark.parametrize("key", ["run/web/1", "lock/a", "requests/ab", f"alive/{ME}"])
def test_a_host_that_only_views_takes_nothing_for_ever(key: str) -> None:
    with pytest.raises(Refused, match=f"writes {key} under a lease only"):
        check_writes((Put(key, b""),), key=KEY, role=Role.VIEW)
    check_writes((Put(key, b""),), key=KEY, role=Role.OPERATE)
    check_ttl(LEASE_MAX_S, role=Role.VIEW)
    check_ttl(LEASE_MAX_S + 1, role=Role.OPERATE)
    with pytest.raises(Refused, match="leases of 60 s at most"):
        check_ttl(LEASE_MAX_S + 1, role=Role.VIEW)


@pytest.mark.parametrize("role", Role)
def test_copies_of_an_audit_are_made_by_its_own_host(role: Role) -> None:
    check_writes((Put(f"audit/{ME}/01", b""),), key=KEY, role=role)
    with pytest.raises(Refused, match="another host's audit"):
        check_writes((Put(f"audit/{OTHER}/01", b""),), key=KEY, role=role)


def test_a_viewer_takes_no_copies_of_others_away() -> None:
    with pytest.raises(Refused, match="may not write"):
        check_writes((Delete(f"audit/{OTHER}/01"),), key=KEY, role=Role.VIEW)


@pytest.mark.parametrize("what", ["end", "keep", "use"])
def test_a_lease_is_ended_kept_and_used_by_its_own_host(what: str) -> None:
    for owner in (STRANGER, b""):
        with pytest.raises(Refused, match=f"may not {what} the lease ff of another host"):
            check_lease(owner, 255, what, key=KEY)
    check_lease(KEY, 255, what, key=KEY)
    check_lease(None, 255, what, key=KEY)


@pytest.mark.parametrize("lease", [THEIRS, OURS])
@pytest.mark.parametrize("operation", [Put("run/web", b"", MINE), Put("run/web", b""), Delete("run/web")])
def test_what_stands_under_the_lease_of_another_host_stays(operation: Op, lease: int) -> None:
    with pytest.raises(Refused, match="run/web is held by another host"):
        guard_of(KEY)(Ground(run_web=lease), (Get("a"), operation))
    guard_of(KEY)(Ground(run_web=MINE), (operation,))
    guard_of(KEY)(Ground(run_web=0), (operation,))
    guard_of(KEY)(Ground(), (operation,))


def test_nothing_is_written_under_the_lease_of_another_host() -> None:
    for lease in (THEIRS, OURS):
        with pytest.raises(Refused, match=f"may not use the lease {lease:x}"):
            guard_of(KEY)(Ground(), (Put("lock/a", b"", lease),))
    guard_of(KEY)(Ground(), (Put("lock/a", b"", GONE),))  # which the store itself says


@pytest.mark.parametrize(
    "operation", [Put("assign/web/1", b""), Delete("assign/web/1"), Delete(f"audit/{OTHER}/01")]
)
def test_plans_are_written_and_copies_dropped_by_the_host_that_leads(operation: Op) -> None:
    for ground in (Ground(), Ground(leader=THEIRS), Ground(leader=OURS), Ground(leader=0)):
        with pytest.raises(Refused, match="by the host that leads"):
            guard_of(KEY)(ground, (operation,))
    guard_of(KEY)(Ground(leader=MINE), (operation,))


def test_a_copy_of_an_audit_is_never_changed() -> None:
    copy = Put(f"audit/{ME}/01", b"")
    guard_of(KEY)(Ground(), (copy,))
    with pytest.raises(Refused, match="is never changed"):
        guard_of(KEY)(Ground(**{f"audit_{ME}_01": 0}), (copy,))
