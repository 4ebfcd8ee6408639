"""Faults of a schedule; their words stand in tests/corpus/config/bad."""

from viscript.config.model import App, Schedule
from viscript.config.schedules import schedule_faults


def faults(**given: object) -> list[str]:
    return [key for key, _, _ in schedule_faults(App(path="x", schedule=Schedule(**given)))]  # type: ignore[arg-type]


def test_no_schedule_has_no_fault() -> None:
    assert list(schedule_faults(App(path="x"))) == []


def test_exactly_one_of_cron_and_every_is_given() -> None:
    assert faults() == ["schedule"]
    assert faults(cron="0 3 * * *", every=60.0) == ["schedule"]
    assert faults(cron="0 3 * * *") == []
    assert faults(every=60.0) == []


def test_every_fault_is_told_at_once() -> None:
    found = faults(cron="x", every=0.0, timezone="Nowhere")
    assert found == ["schedule", "schedule.every", "schedule.cron", "schedule.timezone"]


def test_a_zone_belongs_to_cron() -> None:
    assert faults(every=60.0, timezone="UTC") == ["schedule.timezone"]


def test_a_near_zone_is_suggested() -> None:
    app = App(path="x", schedule=Schedule(cron="0 3 * * *", timezone="Europe/Viena"))
    assert [hint for _, _, hint in schedule_faults(app)] == ['did you mean "Europe/Vienna"?']
