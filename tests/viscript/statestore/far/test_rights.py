"""Who may write what in a store that is served."""

import pytest

from viscript.statestore.api import Delete, Get, Op, Put
from viscript.statestore.errors import Refused
from viscript.statestore.far.rights import LEASE_MAX_S, check_lease, check_ttl, check_writes
from viscript.verbs.table import Role

KEY = bytes(range(32))
ME, OTHER = KEY.hex(), bytes(32).hex()


@pytest.mark.parametrize(
    "operation",
    [
        Put(f"alive/{ME}", b"", 5),
        Put(f"observed/{ME}/7", b"", 5),
        Put("run/web/1", b"", 5),
        Delete("run/web/1"),
        Put("leader", b"", 5),
        Put("requests/ab", b"", 5),
        Put("assign/web/1", b""),
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
        Put("anything", b""),
    ],
)
def test_what_is_wanted_is_written_by_those_that_operate(operation: Op) -> None:
    with pytest.raises(Refused, match="an admin can give operate"):
        check_writes((Get("a"), operation), key=KEY, role=Role.VIEW)
    for role in (Role.OPERATE, Role.ADMIN):
        check_writes((operation,), key=KEY, role=role)


@pytest.mark.parametrize("key", ["leader", "run/web/1", "lock/a", "requests/ab", f"alive/{ME}"])
def test_a_host_that_only_views_takes_nothing_for_ever(key: str) -> None:
    with pytest.raises(Refused, match=f"writes {key} under a lease only"):
        check_writes((Put(key, b""),), key=KEY, role=Role.VIEW)
    check_writes((Put(key, b""),), key=KEY, role=Role.OPERATE)
    check_ttl(LEASE_MAX_S, role=Role.VIEW)
    check_ttl(LEASE_MAX_S + 1, role=Role.OPERATE)
    with pytest.raises(Refused, match="leases of 60 s at most"):
        check_ttl(LEASE_MAX_S + 1, role=Role.VIEW)


@pytest.mark.parametrize("what", ["end", "keep"])
def test_the_lease_of_another_is_ended_and_kept_by_those_that_operate(what: str) -> None:
    with pytest.raises(Refused, match=f"may not {what} the lease ff of another host"):
        check_lease(255, what, role=Role.VIEW)
    check_lease(255, what, role=Role.OPERATE)
