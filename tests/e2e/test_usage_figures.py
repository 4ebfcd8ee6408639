"""`ru` against an independent reading of the same processes."""

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import config, program
from tests.support.wait import eventually

NEAR = 0.05
MIB = 1024 * 1024


def test_figures_are_within_five_percent_of_psutils(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"load": program("load", 24)}))
    scratch_home.viscript("s", "load").ok()
    eventually(lambda: scratch_home.viscript("log", "1").out.count("loaded") == 2)
    (told,) = scratch_home.viscript("ru", "1", "-o", "json").ok().json()
    leader = psutil.Process(scratch_home.viscript("la", "-o", "json").ok().json()[0]["pid"])
    (child,) = leader.children()
    own = leader.memory_full_info()
    assert told["rss_bytes"] == pytest.approx(own.rss, rel=NEAR)
    assert told["uss_bytes"] == pytest.approx(own.uss, rel=NEAR)
    assert told["rss_bytes"] > 24 * MIB
    assert (told["threads"], told["fds"]) == (leader.num_threads(), leader.num_fds())
    assert told["children"] == 1
    assert told["tree"]["processes"] == 2
    assert told["tree"]["rss_bytes"] == pytest.approx(own.rss + child.memory_info().rss, rel=NEAR)
    assert "MiB" in scratch_home.viscript("ru", "1").ok().out


def test_cpu_is_what_a_busy_program_takes(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"busy": {"command": ["sh", "-c", "while :; do :; done"]}}))
    scratch_home.viscript("s", "busy").ok()
    process = psutil.Process(scratch_home.viscript("la", "-o", "json").ok().json()[0]["pid"])

    def agrees() -> bool:
        """Two readings of the same while; another test may take the core in between."""
        scratch_home.viscript("ru", "1").ok()
        process.cpu_percent()
        begun = process.cpu_times().user
        eventually(lambda: process.cpu_times().user > begun + 0.5, deadline_s=20)
        (told,) = scratch_home.viscript("ru", "1", "-o", "json").ok().json()
        own = process.cpu_percent()
        return bool(told["cpu_percent"] > 10 and told["cpu_percent"] == pytest.approx(own, rel=0.3))

    eventually(agrees, deadline_s=30)
