import pytest

from viscript.config.check import RLIMITS, check, name_problem
from viscript.config.fault import Place
from viscript.config.model import App, Bus, Check, Config, Restart


def test_a_fault_stands_where_the_nearest_key_above_was_given() -> None:
    config = Config(apps={"web": App(path="x", restart=Restart(delay=9, max_delay=1))})
    places = {"apps.web": Place("c.yaml", 2, 3)}
    assert [str(fault) for fault in check(config, places, "c.yaml", None)] == [
        "c.yaml:2:3: apps.web.restart.max_delay: is shorter than delay"
    ]
    assert check(config, {}, "c.yaml", None)[0].line == 1


def test_the_default_configuration_has_no_fault() -> None:
    assert check(Config(apps={"a": App(path="x")}), {}, "c.yaml", ()) == []


@pytest.mark.parametrize("name", ["a", "a.b-c_d", "büro", "7up", "allow"])
def test_names_that_cannot_be_mistaken_are_taken(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["7", "all", "ALL", "a b", "a*", "@a", "a#1", "h/a", "-a", "", ".a", "a" * 101]
)
def test_names_that_mean_other_targets_are_refused(name: str) -> None:
    assert name_problem(name)


def test_the_limits_of_this_system_are_known() -> None:
    import resource

    here = {name.removeprefix("RLIMIT_").casefold() for name in dir(resource) if name.startswith("RLIMIT_")}
    assert here - {"ofile", "vmem", "sbsize", "swap", "npts", "kqueues"} <= RLIMITS


def test_settle_does_not_bound_the_start_of_an_app_with_a_check() -> None:
    app = App(path="x", start_timeout=0.3, ready=Check(tcp="127.0.0.1:1"))
    assert check(Config(apps={"a": app}), {}, "c.yaml", None) == []


@pytest.mark.parametrize(
    "app",
    [
        App(path="x", start_timeout=1, settle=1),
        App(path="x", start_timeout=1, ready=Check(settle=2)),
        App(path="x", start_timeout=0, ready=Check(notify=True)),
    ],
)
def test_a_start_that_cannot_come_in_time_is_a_fault(app: App) -> None:
    (fault,) = check(Config(apps={"a": app}), {}, "c.yaml", None)
    assert fault.message == "must be longer than settle"


def test_to_join_over_tcp_needs_an_address_to_join_at() -> None:
    apps = {"a": App(path="x", join="tcp")}
    (fault,) = check(Config(apps=apps), {}, "c.yaml", None)
    assert (fault.path, fault.message) == (
        "apps.a.join",
        "tcp needs an address to join at: `bus: {tcp: 127.0.0.1:7700}`",
    )
    assert check(Config(apps=apps, bus=Bus(tcp="127.0.0.1:7700")), {}, "c.yaml", None) == []
