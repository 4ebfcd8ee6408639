"""How two clusters stand to one another, as one of them sees it. Pure.

                 we say yes   we say no   they say yes   they wait   they say no
    strangers    proposed     -           asks           -           -
    proposed     proposed     strangers   peered         -           refused
    asks         peered       barred      asks           -           strangers
    peered       peered       strangers   peered         proposed    refused
    refused      proposed     strangers   asks           -           -
    barred       proposed     strangers   -              -           -

Consent of both makes peers. Whoever takes his yes back ends it in both directions: neither then holds the
other's, and it begins anew with a proposal. A cluster that is barred may ask again, and is not heard.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.peering.terms import Share, Terms


class Standing(StrEnum):
    """What there is between two clusters."""

    STRANGERS = "strangers"
    PROPOSED = "proposed"  # by us
    ASKED = "asks"  # they do, and wait for our answer
    PEERED = "peered"
    REFUSED = "refused"  # by them, or they ended it
    BARRED = "barred"  # by us


class Said(StrEnum):
    """What one of the two says."""

    WE_YES = "we-yes"
    WE_NO = "we-no"
    THEY_YES = "they-yes"
    THEY_WAIT = "they-wait"
    THEY_NO = "they-no"


_S, _E = Standing, Said
TABLE: Final[dict[tuple[Standing, Said], Standing]] = {
    (_S.STRANGERS, _E.WE_YES): _S.PROPOSED,
    (_S.STRANGERS, _E.THEY_YES): _S.ASKED,
    (_S.PROPOSED, _E.WE_YES): _S.PROPOSED,
    (_S.PROPOSED, _E.WE_NO): _S.STRANGERS,
    (_S.PROPOSED, _E.THEY_YES): _S.PEERED,
    (_S.PROPOSED, _E.THEY_NO): _S.REFUSED,
    (_S.ASKED, _E.WE_YES): _S.PEERED,
    (_S.ASKED, _E.WE_NO): _S.BARRED,
    (_S.ASKED, _E.THEY_YES): _S.ASKED,
    (_S.ASKED, _E.THEY_NO): _S.STRANGERS,
    (_S.PEERED, _E.WE_YES): _S.PEERED,
    (_S.PEERED, _E.WE_NO): _S.STRANGERS,
    (_S.PEERED, _E.THEY_YES): _S.PEERED,
    (_S.PEERED, _E.THEY_WAIT): _S.PROPOSED,
    (_S.PEERED, _E.THEY_NO): _S.REFUSED,
    (_S.REFUSED, _E.WE_YES): _S.PROPOSED,
    (_S.REFUSED, _E.WE_NO): _S.STRANGERS,
    (_S.REFUSED, _E.THEY_YES): _S.ASKED,
    (_S.BARRED, _E.WE_YES): _S.PROPOSED,
    (_S.BARRED, _E.WE_NO): _S.STRANGERS,
}

# Pairs that may happen and change nothing.
IGNORED: Final[frozenset[tuple[Standing, Said]]] = frozenset(
    {
        (_S.STRANGERS, _E.WE_NO),
        (_S.STRANGERS, _E.THEY_WAIT),
        (_S.STRANGERS, _E.THEY_NO),
        (_S.PROPOSED, _E.THEY_WAIT),
        (_S.ASKED, _E.THEY_WAIT),
        (_S.REFUSED, _E.THEY_WAIT),
        (_S.REFUSED, _E.THEY_NO),
        (_S.BARRED, _E.THEY_YES),
        (_S.BARRED, _E.THEY_WAIT),
        (_S.BARRED, _E.THEY_NO),
    }
)

OURS: Final = frozenset({Standing.PROPOSED, Standing.PEERED})  # our yes stands
THEIRS: Final = frozenset({Standing.ASKED, Standing.PEERED})  # theirs does

_Key = Annotated[PublicKey, msgspec.Meta(min_length=32, max_length=32)]


class Peering(msgspec.Struct, frozen=True, kw_only=True):
    """Another cluster. `mine` is what we share with it, `theirs` what it shares with us.

    `name` is what we call it, `label` what it calls itself; `at` are ways that a person gave, `told` and
    `visor` those it told itself. `version` is that of our terms, `heard` that of theirs.
    """

    key: _Key
    standing: Standing = Standing.STRANGERS
    name: str = ""
    label: str = ""
    at: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    visor: str = ""
    mine: Share = Share()
    theirs: Share = Share()
    version: int = 0
    heard: int = 0
    since: float = 0.0

    @property
    def called(self) -> str:
        """How it is named here."""
        return self.name or self.key.hex()[:16]


def said(one: Peering, what: Said, now: float) -> Peering:
    """The peering after that."""
    if (one.standing, what) in IGNORED:
        return one
    after = TABLE[one.standing, what]
    since = one.since if after is one.standing else now
    mine = one.mine if after in OURS else Share()
    theirs = one.theirs if after in THEIRS else Share()
    return msgspec.structs.replace(one, standing=after, since=since, mine=mine, theirs=theirs)


def consent(one: Peering, share: Share, now: float, *, version: int) -> Peering:
    """We say yes, and what we share."""
    return msgspec.structs.replace(said(one, Said.WE_YES, now), mine=share, version=version)


def heard(one: Peering, told: Terms, now: float) -> Peering:
    """They say how they stand to us. What is older than what they said before changes nothing."""
    if told.version < one.heard:
        return one
    what = Said.THEY_NO if told.no else Said.THEY_WAIT if told.share is None else Said.THEY_YES
    if one.standing is Standing.STRANGERS and told.holds:
        what = Said.THEY_NO  # of what we ended, and they did not hear of: no proposal
    after = said(one, what, now)
    if after.standing in THEIRS and told.share is not None:
        after = msgspec.structs.replace(after, theirs=told.share)
    ways = {"told": told.addresses or one.told, "visor": told.visor or one.visor}
    return msgspec.structs.replace(after, label=told.label, heard=told.version, **ways)


def terms(
    one: Peering, told: Terms | None, *, label: str, addresses: tuple[str, ...], visor: str, version: int
) -> Terms:
    """What we say to them; `told`: what they said, if they spoke first; `version`: the last given out."""
    ours = one.standing in OURS
    ended = one.standing is Standing.STRANGERS and told is not None and told.holds
    return Terms(
        label=label,
        version=one.version if ours else version,
        share=one.mine if ours else None,
        holds=one.standing in THEIRS,
        no=ended or one.standing is Standing.BARRED,
        addresses=addresses,
        visor=visor,
    )


def told(before: Standing, after: Standing) -> str:
    """The type of the event that tells of a change; empty for what only persons of this cluster said."""
    if before is after:
        return ""
    if after is Standing.PEERED:
        return "peer.accepted"
    if before is Standing.PEERED:
        return "peer.ended"
    return {Standing.ASKED: "peer.proposed", Standing.REFUSED: "peer.refused"}.get(after, "")
