"""What handlers reach is what the daemon holds."""

import time
from typing import Any, cast

from viscript.config.loader import defaults
from viscript.daemon.world import World, host_name
from viscript.events import EventLog
from viscript.home import find_home
from viscript.supervisor.api import DaemonFacts


async def test_it_gives_what_it_was_given() -> None:
    facts, stopped = cast("DaemonFacts", object()), list[bool]()

    async def stop(stop_all: bool) -> None:
        stopped.append(stop_all)

    loaded = defaults({})
    nothing: dict[str, Any] = dict.fromkeys(("supervisor", "usage", "table", "plugins"))
    world = World(
        home=find_home({"VISCRIPT_HOME": "/h"}),
        loaded=loaded,
        facts_of=lambda: facts,
        events=EventLog("h"),
        stop=stop,
        known_apps=lambda plugins: ("a",),
        **nothing,
    )
    assert world.facts() is facts
    assert world.config() is loaded.config
    assert abs(world.now() - time.time()) < 5
    await world.stop_daemon(stop_all=True)
    assert stopped == [True]


def test_a_host_is_known_by_its_short_name(monkeypatch: Any) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "web1.example.org")
    assert host_name() == "web1"
    monkeypatch.setattr("socket.gethostname", lambda: "")
    assert host_name() == "localhost"
