"""What the verbs of the state store answer. Fields may be added, never renamed or removed."""

import msgspec


class StoreMember(msgspec.Struct, frozen=True, kw_only=True):
    """One server of the state store, as it was found a moment ago."""

    member: str
    ok: bool
    text: str


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the state store of the cluster stands. `failover`: it goes on when one of its hosts is lost."""

    store: str
    ok: bool
    text: str
    members: tuple[StoreMember, ...] = ()
    failover: bool = False


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied from one state store to another: keys written, and those that were there already.

    `left` are those under a lease, whose holders write them anew.
    """

    copied: int
    same: int
    left: int
    revision: int
