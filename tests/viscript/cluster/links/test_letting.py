from signal_bus.ids import PublicKey
from tests.support.rosters import host, member_of
from viscript.cluster.links.letting import curves, lowered
from viscript.cluster.model import Member
from viscript.verbs.table import Role

CLUSTER, A, B = host(0), host(1), host(2)


def test_each_bus_key_is_one_hosts() -> None:
    members = {one.public_key: member_of(one, CLUSTER, CLUSTER) for one in (A, B)}
    assert curves(members) == {one.curve().public: one.public_key for one in (A, B)}


def test_who_names_the_bus_key_of_another_gains_nothing() -> None:
    admin = member_of(A, CLUSTER, CLUSTER, role=Role.ADMIN)
    thief = member_of(B, CLUSTER, CLUSTER, curve=A.curve().public)
    for order in ((admin, thief), (thief, admin)):
        assert curves({one.key: one for one in order}) == {A.curve().public: A.public_key}


def test_who_may_do_less_than_before_is_found() -> None:
    def at(role: Role) -> dict[PublicKey, Member]:
        return {A.public_key: member_of(A, CLUSTER, CLUSTER, role=role)}

    view, admin = at(Role.VIEW), at(Role.ADMIN)
    assert lowered(admin, view) == [A.public_key]
    assert lowered(view, admin) == lowered(view, view) == lowered({}, view) == []
