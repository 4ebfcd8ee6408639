"""Which instances come up with the daemon."""

from viscript.config.model import App, Schedule
from viscript.supervisor.api import AppEntry
from viscript.supervisor.autostart import autostart
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase


def app(instances: int = 1, *, start: bool = True) -> dict[str, AppEntry]:
    spec = App(autostart=start, instances=instances)
    return {"web": AppEntry(name="web", source="t", spec=spec, argv=("web",))}


def held(
    apps: dict[str, AppEntry], seq: int, phase: Phase, *, enabled: bool = True, configured: bool = True
) -> Managed:
    return Managed(
        seq=seq,
        name="web",
        entry=apps["web"],
        since=0.0,
        phase=phase,
        enabled=enabled,
        configured=configured,
    )


def test_a_missing_instance_is_new() -> None:
    assert autostart(app(2), []).new == (("web", 2),)


def test_a_stopped_one_starts_again_under_its_id() -> None:
    apps = app()
    plan = autostart(apps, [held(apps, 3, Phase.STOPPED)])
    assert plan.again == (3,)
    assert plan.new == ()


def test_what_runs_is_left_alone() -> None:
    apps = app()
    plan = autostart(apps, [held(apps, 3, Phase.RUNNING)])
    assert not plan.again
    assert not plan.new


def test_a_disabled_one_stays_down() -> None:
    apps = app()
    plan = autostart(apps, [held(apps, 3, Phase.STOPPED, enabled=False)])
    assert not plan.again
    assert not plan.new


def test_a_job_that_is_done_is_not_done_again() -> None:
    apps = app()
    assert autostart(apps, [held(apps, 3, Phase.DONE)]).again == ()


def test_an_instance_started_by_hand_does_not_count() -> None:
    apps = app()
    assert autostart(apps, [held(apps, 3, Phase.RUNNING, configured=False)]).new == (("web", 1),)


def test_an_app_without_autostart_waits_to_be_asked() -> None:
    assert autostart(app(start=False), []).new == ()


def test_one_with_a_schedule_waits_for_its_time() -> None:
    spec = App(autostart=True, schedule=Schedule(every=60.0))
    apps = {"web": AppEntry(name="web", source="t", spec=spec, argv=("web",))}
    plan = autostart(apps, [held(apps, 3, Phase.STOPPED)])
    assert (plan.again, plan.new) == ((), ())


def needing(**needs: tuple[str, ...]) -> dict[str, AppEntry]:
    return {
        name: AppEntry(name=name, source="t", spec=App(autostart=True, needs=wanted), argv=(name,))
        for name, wanted in needs.items()
    }


def test_what_others_need_comes_before_them() -> None:
    apps = needing(web=("cache", "db"), cache=("db",), db=(), other=("not-there",))
    assert autostart(apps, []).new == (("db", 1), ("cache", 1), ("web", 1), ("other", 1))


def test_a_ring_of_needs_is_cut_and_a_long_chain_is_no_matter() -> None:
    assert autostart(needing(a=("b",), b=("a",)), []).new == (("b", 1), ("a", 1))
    chain = {f"a{place}": (f"a{place + 1}",) for place in range(3000)}
    assert autostart(needing(**chain), []).new[0] == ("a2999", 1)
