"""What the keeper is told about starting this daemon again."""

import os
import sys

import pytest

from tests.support.fake_keeper import FakeKeeper
from viscript.daemon.guard import Guard
from viscript.daemon.program import options_from
from viscript.daemon.settings import Options


def test_a_daemon_nobody_watches_is_started_again_as_it_was() -> None:
    keeper = FakeKeeper()
    Guard(keeper, Options(guarded=True), "/etc/c.yaml").set()
    command = [sys.executable, "-P", "-m", "viscript.daemon", "--guarded", "--config", "/etc/c.yaml"]
    assert keeper.asked("guard") == [{"argv": command, "pid": os.getpid()}]


@pytest.mark.parametrize("config", ["", "/etc/c.yaml"])
def test_the_command_is_one_the_daemon_understands(config: str) -> None:
    keeper = FakeKeeper()
    Guard(keeper, Options(guarded=True), config).set()
    options = options_from(keeper.asked("guard")[0]["argv"][4:])
    assert options.guarded
    assert (options.config or "") == config
    assert options.no_config == (not config)


def test_a_daemon_that_is_watched_or_ends_on_purpose_is_not() -> None:
    keeper = FakeKeeper()
    Guard(keeper, Options(), "").set()
    guard = Guard(keeper, Options(guarded=True), "")
    guard.clear()
    guard.set()
    assert [order["argv"] for order in keeper.asked("guard")] == [None, None, None]
