"""The verbs of the core, in the order help shows them."""

from viscript.verbs import (
    attaching,
    auditing,
    auditverify,
    clusters,
    configuring,
    control,
    daemoning,
    demonstrating,
    deploying,
    elsewhere,
    explaining,
    helping,
    hosting,
    leaving,
    listing,
    logs,
    moving,
    pairing,
    pinging,
    placing,
    plugging,
    programs,
    prompting,
    proving,
    starting,
    stopping,
    storing,
    usage,
    wanting,
    watching,
)
from viscript.verbs.table import Table, Verb

VERBS: tuple[Verb, ...] = (
    *helping.VERBS,
    *starting.VERBS,
    *programs.VERBS,
    *stopping.VERBS,
    *listing.VERBS,
    *pinging.VERBS,
    *usage.VERBS,
    *explaining.VERBS,
    *logs.VERBS,
    *watching.VERBS,
    *attaching.VERBS,
    *control.VERBS,
    *wanting.VERBS,
    *configuring.VERBS,
    *plugging.VERBS,
    *hosting.VERBS,
    *elsewhere.VERBS,
    *pairing.VERBS,
    *clusters.VERBS,
    *leaving.VERBS,
    *auditing.VERBS,
    *auditverify.VERBS,
    *deploying.VERBS,
    *placing.VERBS,
    *moving.VERBS,
    *daemoning.VERBS,
    *storing.VERBS,
    *proving.VERBS,
    *demonstrating.VERBS,
    *prompting.VERBS,
)


def builtin() -> Table:
    """A fresh table of the core's verbs; plugin verbs are added at run time."""
    table = Table()
    for verb in VERBS:
        table.add(verb)
    return table
