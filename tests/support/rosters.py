"""Hosts and rosters made up for tests: a number names a host, the same one each time."""

from typing import Any

from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey
from viscript.cluster.model import Card, Member, SignedMember, sign_member
from viscript.cluster.roster import Roster
from viscript.verbs.table import Role


def host(number: int) -> Identity:
    """The identity of host `number`."""
    drawn = iter(range(256))
    return Identity(draw(lambda size: bytes([number, next(drawn)]) * (size // 2)))


def member_of(of: Identity, cluster: Identity, by: Identity, **fields: Any) -> Member:  # Any: any field
    """The member `of`, vouched for by `by`; view, unless said otherwise."""
    given = {
        "cluster": cluster.public_key,
        "key": of.public_key,
        "curve": of.curve().public,
        "label": f"h-{of.name[:6]}",
        "by": by.public_key,
    }
    return Member(**{**given, **fields})


def card_of(of: Identity, **fields: Any) -> Card:  # Any: any field
    """What `of` says of itself."""
    return Card(**{"key": of.public_key, "curve": of.curve().public, **fields})


def vouched(of: Identity, cluster: Identity, by: Identity | None = None, **fields: Any) -> SignedMember:
    """The signed record of a member; by the cluster's key unless said otherwise."""
    return sign_member(member_of(of, cluster, by or cluster, **fields), by or cluster)


def roster_of(cluster: Identity, *records: SignedMember) -> Roster:
    """A roster that holds these records."""
    return Roster(cluster.public_key).merge(records)


def admins(cluster: Identity, *hosts: Identity, **fields: Any) -> Roster:
    """A roster in which all of these hosts are admins by the cluster's own key."""
    return roster_of(cluster, *(vouched(one, cluster, role=Role.ADMIN, **fields) for one in hosts))


def keys(*hosts: Identity) -> set[PublicKey]:
    """The keys of hosts."""
    return {one.public_key for one in hosts}
