"""What a state store can refuse or fail to do. The class tells who is wrong: caller, engine or world."""

from __future__ import annotations

from viscript.errors import ViscriptError


class StateStoreError(ViscriptError):
    """Root of what this package raises on purpose."""


class InvalidRequest(StateStoreError):
    """Our caller asked for what no store can do: a bad key, too many operations, one key written twice."""


class TooLarge(InvalidRequest):
    """A value, or all of a transaction, is larger than a store takes."""

    def __init__(self, what: str, *, size: int, limit: int) -> None:
        super().__init__(f"{what} has {size} bytes, at most {limit} fit")
        self.size = size
        self.limit = limit


class BadUrl(StateStoreError):
    """The URL of a store names no engine, or what it says of it makes no sense."""


class LeaseGone(StateStoreError):
    """The lease has ended: what was written under it is gone, and it cannot be brought back."""

    def __init__(self, lease: int) -> None:
        super().__init__(f"the lease {lease:x} has ended")
        self.lease = lease


class Compacted(StateStoreError):
    """What is asked for is older than the history that is kept: list again, and watch from there."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"the history up to revision {revision} is not kept")
        self.revision = revision


class StoreAway(StateStoreError):
    """The engine cannot be reached, or cannot decide: nothing was changed."""

    def __init__(self, text: str, *, for_s: float = 0.0, tried: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.for_s = for_s
        self.tried = tried


class Unclear(StateStoreError):
    """A write was sent and its answer never came: it may have been done, or be done yet."""


class Refused(StateStoreError):
    """The engine does not let us: wrong user, password or certificate, or no permission for that key."""
