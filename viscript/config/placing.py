"""What in `host` and `placement` makes no sense, or does not fit the rest of an app. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from viscript.config.model import App, is_placed

Wrong = tuple[str, str, str]
ORDERED_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,62}\Z")
ANYWHERE: Final = "any"


def placing_faults(app: App) -> Iterator[Wrong]:
    """Key, message and suggestion for what is wrong."""
    if not is_placed(app):
        return
    key = "host" if app.host is not None else "placement"
    if problem := _place_problem(place_of(app)):
        yield "host", problem, ""
    if app.schedule is not None:
        yield key, "an app with a schedule runs on the host whose file it stands in; keep one of the two", ""
    if app.instances > 1:
        yield "instances", "of an app of the cluster, `placement: {count: N}` says how many", ""


def place_of(app: App) -> str:
    """The hosts that are meant."""
    return ANYWHERE if app.host is None else app.host


def _place_problem(text: str) -> str:
    from viscript.cluster.desired.place import BadPlace, parse

    try:
        parse(text)
    except BadPlace as exc:
        return str(exc)
    return ""
