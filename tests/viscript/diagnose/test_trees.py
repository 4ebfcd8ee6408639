"""How the processes of an app are found, in words."""

from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper
from viscript.diagnose.trees import method, trees
from viscript.home import find_home


@pytest.mark.parametrize(
    "told, status, words",
    [
        ({"host": "linux", "groups": ""}, "pass", "tag, session and descent; there is no cgroup"),
        ({"host": "portable", "groups": ""}, "pass", "found by session and descent"),
        ({"host": "linux", "groups": "/g"}, "pass", "cgroup (apps with limits, in /g), tag"),
        ({"host": "linux", "groups": "/g", "groups_for_all": True}, "pass", "cgroup (every app, in /g)"),
        ({"host": "linux", "groups": "/g", "groups_fault": "/g/7: full"}, "warn", "no cgroup: /g/7: full"),
    ],
)
def test_the_method_is_named(told: dict[str, object], status: str, words: str) -> None:
    finding = method(told)
    assert (finding.check, finding.status) == ("trees", status)
    assert words in finding.text


def test_the_keeper_that_runs_is_asked_and_without_one_the_host(short_tmp: Path) -> None:
    with TestKeeper(short_tmp) as keeper:
        home = find_home({"VISCRIPT_HOME": str(keeper.folder)})
        before = trees(home, {})
        keeper.start()
        assert trees(home, {}) == before
