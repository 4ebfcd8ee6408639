"""Who may write what in a store that is served."""

import pytest

from viscript.statestore.api import Delete, Get, Op, Put
from viscript.statestore.errors import Refused
from viscript.statestore.far.rights import check_lease, check_writes
from viscript.verbs.table import Role

KEY = bytes(range(32))
ME, OTHER = KEY.hex(), bytes(32).hex()


@pytest.mark.parametrize(
    "operation",
    [
        Put(f"alive/{ME}", b""),
        Put(f"observed/{ME}/7", b""),
        Put("run/web/1", b""),
        Delete("run/web/1"),
        Put("leader", b""),
        Put("requests/ab", b""),
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


@pytest.mark.parametrize("what", ["end", "keep"])
def test_the_lease_of_another_is_ended_and_kept_by_those_that_operate(what: str) -> None:
    with pytest.raises(Refused, match=f"may not {what} the lease ff of another host"):
        check_lease(255, what, role=Role.VIEW)
    check_lease(255, what, role=Role.OPERATE)
