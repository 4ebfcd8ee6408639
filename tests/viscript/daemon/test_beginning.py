"""What a daemon that comes up begins."""

from types import SimpleNamespace
from typing import Any

from tests.support.supervision import Bench
from viscript.daemon.beginning import SLICE, begin_all
from viscript.supervisor.lifecycle import Phase


def parts_of(bench: Bench) -> Any:  # Any: the parts that are asked for
    return SimpleNamespace(conductor=bench.conductor, renewing=bench.renewing, applying=bench.applying)


async def test_what_is_configured_and_missing_is_begun(bench: Bench) -> None:
    bench.app("web", autostart=True, instances=SLICE + 2)
    bench.app("by-hand")
    await begin_all(parts_of(bench), bench.apps, [])
    assert [one.app for one in bench.conductor.managed.values()] == ["web"] * (SLICE + 2)
    assert all(one.configured for one in bench.conductor.managed.values())


async def test_what_was_under_way_goes_on_as_its_app_is_now(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(1)
    bench.app("web", "/bin/false")
    await begin_all(parts_of(bench), bench.apps, [1])
    assert bench.held().entry.argv == ("/bin/false",)
    assert bench.held().phase is not Phase.STOPPED
