"""How the processes of an app are told from others here: what the keeper of this home says, or would say."""

from collections.abc import Mapping

from viscript.diagnose.finding import Finding, doubtful, good
from viscript.home import Home
from viscript.keeper.client import KeeperClient
from viscript.keeper.groups import find
from viscript.keeper.host import choose, home_number
from viscript.keeper.protocol import Json, KeeperError

_PATIENCE_S = 2.0


def trees(home: Home, environ: Mapping[str, str]) -> Finding:
    """The method in use; any of them finds the ordinary leftovers."""
    told = _told(home)
    if told is not None:
        return method(told)
    host = choose(home_number(home.root), environ)
    base = find(home_number(home.root)).base if host.tags else ""
    return method({"host": host.name, "groups": base})


def method(told: Json) -> Finding:
    """In words, from the keeper's counters."""
    base, fault = told.get("groups"), told.get("groups_fault")
    marks = "session and descent" if told.get("host") == "portable" else "tag, session and descent"
    if fault:
        return doubtful("trees", f"found by {marks}; no cgroup: {fault}", "may the keeper write there?")
    if base:
        who = "every app" if told.get("groups_for_all") else "apps with limits"
        return good("trees", f"found by cgroup ({who}, in {base}), {marks}")
    return good("trees", f"found by {marks}; there is no cgroup v2 that can be written")


def _told(home: Home) -> Json | None:
    try:
        with KeeperClient(f"{home.run}/keeper.sock", timeout=_PATIENCE_S) as client:
            return client.request("stats")
    except KeeperError:
        return None
