"""Which events become a line above the prompt."""

from typing import Any

import pytest

from viscript.repl.notices import Notices


def event(type: str, reason: str = "", about: str = "app/7", **data: object) -> dict[str, Any]:
    return {"type": type, "object": about, "reason": reason, "data": {"name": "web", **data}}


@pytest.mark.parametrize(
    "told, sentence",
    [
        (event("app.backoff", "signal 11", delay=1.0), "[7] web died: signal 11, restarting in 1 s"),
        (event("app.backoff", exit={"code": 3, "signal": None}), "[7] web died: exit 3, restarting"),
        (event("app.backoff", exit={"signal": 9}, delay=0.5), "[7] web died: signal 9, restarting in 0.5 s"),
        (event("app.backoff", "exit 1", delay=1.10549), "[7] web died: exit 1, restarting in 1.1 s"),
        (event("app.backoff"), "[7] web died: no reason is known, restarting"),
        (event("app.fatal", "no such file"), "[7] web failed: no such file; see: why 7"),
        (event("app.done"), "[7] web is done"),
        (event("app.health", "no beat for 9 s", word="silent"), "[7] web is silent: no beat for 9 s"),
        (event("app.health", word="ok"), "[7] web is well again"),
        (event("config.applied", about="daemon", file="/c.yaml"), "configuration applied: /c.yaml"),
        (event("config.refused", "c.yaml:1:1: bad"), "configuration refused: c.yaml:1:1: bad"),
        (event("app.fatal", "exit 1", about="app/m2/7"), "[m2/7] web failed: exit 1; see: why m2/7"),
        (event("host.down", about="host/m2"), "host m2 is down"),
        (event("host.down", about="host/m2", age_seconds=15.2), "host m2 is down: silent for 15 s"),
        (event("host.up", about="host/m2"), None),
        (event("host.joined", about="host/m2"), "host m2 joined the cluster"),
        (event("host.gone", about="host/m2"), "host m2 is no more in the cluster"),
        (event("peer.proposed", about="cluster/3f2a", label="x"), "cluster 3f2a (x) asks: peer accept 3f2a"),
        (event("peer.accepted", about="cluster/lab"), "cluster lab is a peer now: on lab/@all la"),
        (event("peer.refused", about="cluster/lab"), "cluster lab said no"),
        (event("peer.ended", about="cluster/lab"), "cluster lab is no peer any more"),
        (event("app.starting"), None),
        (event("app.running"), None),
        (event("app.stopped"), None),
        ({"type": "strange"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_an_event_becomes_its_sentence(told: dict[str, Any], sentence: str | None) -> None:
    assert Notices().sentence(told) == sentence


def test_a_return_is_news_after_a_death_only() -> None:
    notices = Notices()
    notices.sentence(event("app.backoff", "exit 1"))
    assert notices.sentence(event("app.running")) == "[7] web runs again"
    assert notices.sentence(event("app.ready")) is None
    notices.sentence(event("app.fatal", "exit 1"))
    notices.sentence(event("app.stopped"))
    assert notices.sentence(event("app.running")) is None


def test_a_run_of_a_schedule_is_news_only_after_a_failure() -> None:
    notices = Notices()
    assert notices.sentence(event("app.scheduled")) is None
    assert notices.sentence(event("app.done")) is None
    assert notices.sentence(event("app.done", about="app/8")) == "[8] web is done"
    notices.sentence(event("app.backoff", "exit 1"))
    assert notices.sentence(event("app.done")) == "[7] web is done"


def test_control_characters_of_an_app_never_reach_the_terminal() -> None:
    sentence = Notices().sentence(event("app.fatal", "\x1b[2Jgone\r\n\x9b"))
    assert sentence == "[7] web failed: [2Jgone; see: why 7"


def test_data_of_another_shape_does_no_harm() -> None:
    assert Notices().sentence({"type": "app.done", "object": 7, "data": None}) == "[] app is done"


def test_a_host_that_was_down_comes_back() -> None:
    notices = Notices()
    notices.sentence(event("host.down", about="host/m2"))
    assert notices.sentence(event("host.up", about="host/m2")) == "host m2 is up again"
    assert notices.sentence(event("host.up", about="host/m2")) is None


def test_the_same_id_on_two_hosts_is_two_apps() -> None:
    notices = Notices()
    notices.sentence(event("app.backoff", about="app/m2/7"))
    assert notices.sentence(event("app.running", about="app/7")) is None
    assert notices.sentence(event("app.running", about="app/m2/7")) == "[m2/7] web runs again"
