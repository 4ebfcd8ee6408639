"""What a refusal of etcd means: by its words first, since codes are shared by many. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final

from viscript.statestore.etcd.form import Fault


class Verdict(Enum):
    """What to do about it."""

    ANOTHER = "this member cannot now, nothing was done: try another"
    UNSURE = "it may have been done"
    TOKEN = "the token is not valid any more: get another"  # noqa: S105 (a verdict, no token)
    REFUSED = "who we are, or what we may do"
    NO_AUTH = "users are not asked for"
    LEASE = "the lease has ended"
    EXISTS = "a lease of that number is there"
    COMPACTED = "the history is gone"
    FULL = "the store takes no more"
    BAD = "the request is wrong"


# The first words found decide.
_WORDS: Final = (
    ("invalid auth token", Verdict.TOKEN),
    ("revision in header is old", Verdict.TOKEN),
    ("revision of auth store is old", Verdict.TOKEN),
    ("user name is empty", Verdict.TOKEN),
    ("authentication is not enabled", Verdict.NO_AUTH),
    ("authentication failed", Verdict.REFUSED),
    ("permission denied", Verdict.REFUSED),
    ("requested lease not found", Verdict.LEASE),
    ("lease already exists", Verdict.EXISTS),
    ("required revision has been compacted", Verdict.COMPACTED),
    ("database space exceeded", Verdict.FULL),
    ("no leader", Verdict.ANOTHER),
    ("too many requests", Verdict.ANOTHER),
    ("not capable", Verdict.ANOTHER),
    ("all SubConns are in TransientFailure", Verdict.ANOTHER),  # the gateway does not reach its own server
)
_CODES: Final = {3: Verdict.BAD, 5: Verdict.BAD, 7: Verdict.REFUSED, 12: Verdict.BAD, 16: Verdict.REFUSED}


def judge(fault: Fault) -> Verdict:
    """What it means; of what is not known it is not sure that nothing was done."""
    text = fault.error or fault.message
    for words, verdict in _WORDS:
        if words in text:
            return verdict
    return _CODES.get(fault.code, Verdict.UNSURE)


def words_of(fault: Fault) -> str:
    """The sentence without whose it is."""
    return (fault.error or fault.message or f"code {fault.code}").removeprefix("etcdserver: ")
