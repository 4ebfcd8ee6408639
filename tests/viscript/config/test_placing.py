"""`host` and `placement`: what fits, and what such an app is no more. Faults are in the corpus."""

import pytest

from viscript.config.loader import check_text
from viscript.config.model import App, Placement, is_placed, starts_with_daemon
from viscript.config.placing import place_of, placing_faults


@pytest.mark.parametrize("host", ["any", "@all", "web-1", "edge-*", "role=edge,zone=a*"])
def test_the_words_for_hosts_are_those_of_deploy(host: str) -> None:
    assert list(placing_faults(App(host=host))) == []
    assert place_of(App(host=host)) == host


def test_a_number_alone_means_any_host() -> None:
    assert place_of(App(placement=Placement(count=2))) == "any"


def test_an_app_of_the_cluster_is_not_started_by_the_daemon() -> None:
    assert starts_with_daemon(App(autostart=True))
    assert not starts_with_daemon(App(autostart=True, host="any"))
    assert is_placed(App(placement=Placement()))
    assert not is_placed(App())


def test_a_number_of_instances_has_its_bounds() -> None:
    text = "apps: {web: {path: x, placement: {count: 1001}}}"
    assert ["1000" in str(fault) for fault in check_text(text, "config.yaml")] == [True]
