import pytest

from viscript.config.model import App, Restart, Schedule, starts_with_daemon, success_codes


@pytest.mark.parametrize(
    "app, codes",
    [
        (App(), (0,)),
        (App(daemon=True), ()),
        (App(daemon=True, restart=Restart(success_codes=(0, 3))), (0, 3)),
        (App(restart=Restart(success_codes=())), ()),
    ],
)
def test_success_is_what_was_given_or_zero_unless_a_daemon(app: App, codes: tuple[int, ...]) -> None:
    assert success_codes(app) == codes


def test_what_a_schedule_runs_does_not_start_with_the_daemon() -> None:
    assert starts_with_daemon(App(autostart=True))
    assert not starts_with_daemon(App())
    assert not starts_with_daemon(App(autostart=True, schedule=Schedule(every=60.0)))
