from msgspec.structs import replace

from viscript.config.model import App, Config, Output, Restart, Schedule
from viscript.config.plan import RESTART_KEYS, UPDATE_KEYS, changed_keys, plan
from viscript.states import State
from viscript.supervisor.api import AppEntry, Deployed, Instance, PlanStep

WEB = App(path="bin/web", autostart=True)


def running(seq: int, app: str = "web", spec: App = WEB, **facts: object) -> Instance:
    entry = AppEntry(name=app, source="config.yaml", spec=spec, argv=("bin/web",))
    plain = Instance(
        seq=seq, generation=1, name=app, app=app, state=State.RUNNING, since=0, spec=spec, entry=entry,
        args=spec.default_args,
    )  # fmt: skip
    return replace(plain, **facts)


def steps(old: App | None, new: App | None, *instances: Instance, **more: object) -> list[PlanStep]:
    before = Config(apps={"web": old} if old else {})
    after = Config(apps={"web": new} if new else {})
    return plan(before, after, instances, **more)  # type: ignore[arg-type]  # a test passes it through


def words(found: list[PlanStep]) -> list[tuple[str, tuple[int, ...], str]]:
    return [(step.action, step.ids, step.reason) for step in found]


def test_every_key_either_restarts_or_updates() -> None:
    keys = {key for key in App.__struct_fields__ if key != "output"}
    keys |= {f"output.{key}" for key in Output.__struct_fields__}
    assert keys == RESTART_KEYS | UPDATE_KEYS
    assert not RESTART_KEYS & UPDATE_KEYS


def test_the_same_is_unchanged() -> None:
    assert words(steps(WEB, WEB, running(1))) == [("unchanged", (1,), "")]


def test_what_is_as_the_file_says_and_does_not_run_is_named() -> None:
    found = steps(WEB, WEB, running(1), running(2, state=State.FATAL), running(3, state=State.BACKOFF))
    assert words(found) == [("unchanged", (1, 2, 3), "2 is fatal: `why 2`; 3 is backoff: `why 3`")]


def test_what_never_came_to_be_is_missed_and_what_ended_is_not() -> None:
    three = replace(WEB, instances=3)
    ended = running(2, spec=three, state=State.STOPPED)
    assert words(steps(three, three, running(1, spec=three), ended)) == [("add", (), "starts 1 more")]
    done = running(3, spec=three, state=State.DONE)
    found = steps(three, three, running(1, spec=three), ended, done)
    assert words(found) == [("unchanged", (1,), "")]
    by_hand = replace(three, autostart=False)
    assert words(steps(by_hand, by_hand)) == [("unchanged", (), "")]


def test_what_lives_on_and_is_in_no_file_is_stopped() -> None:
    found = steps(None, None, running(1), left_over=("web", "gone"))
    assert words(found) == [("stop", (1,), "removed from the file")]


def test_a_new_app_is_added_and_says_whether_it_starts() -> None:
    assert words(steps(None, WEB)) == [("add", (), "new; starts it")]
    assert words(steps(None, replace(WEB, instances=3))) == [("add", (), "new; starts 3 instances")]
    assert words(steps(None, App(path="x"))) == [("add", (), "new")]
    assert plan(None, Config(apps={"a": WEB}), [])[0].action == "add"


def test_a_removed_app_is_stopped() -> None:
    found = steps(WEB, None, running(2), running(1), running(3, state=State.STOPPED))
    assert words(found) == [("stop", (1, 2), "removed from the file")]


def test_an_app_of_a_plugin_outlives_its_block() -> None:
    block = App(env={"A": "1"})
    found = steps(block, None, running(1, spec=block), known={"web"})
    assert words(found) == [("restart", (1,), "changed: env")]
    assert words(steps(None, block, running(1, spec=App()), known={"web"})) == [
        ("restart", (1,), "changed: env")
    ]


def test_a_change_of_the_command_restarts_only_what_runs_as_configured() -> None:
    own_args = running(2, args=("--mine",))
    own_env = running(3, spec=WEB)
    own_env = replace(own_env, spec=replace(WEB, env={"MINE": "1"}))
    new = replace(WEB, path="bin/other", desc="new")
    found = steps(WEB, new, running(1), own_args, own_env)
    assert words(found) == [("restart", (1,), "changed: path, desc")]
    assert words(steps(WEB, new, own_args)) == [
        ("update", (), "changed: path, desc; what runs was started with arguments of its own and goes on")
    ]


def test_a_change_of_policy_or_words_restarts_nothing() -> None:
    new = replace(WEB, desc="x", restart=Restart(delay=9), output=Output(backups=1))
    assert words(steps(WEB, new, running(1))) == [("update", (1,), "changed: desc, restart, output.backups")]


def test_an_equal_effect_is_no_change() -> None:
    assert changed_keys(WEB, replace(WEB, restart=Restart(success_codes=(0,)))) == ()
    assert changed_keys(WEB, replace(WEB, output=Output(merge=False))) == ("output.merge",)


def test_what_failed_or_waits_is_tried_again_with_the_new_spec() -> None:
    for state in (State.FATAL, State.BACKOFF, State.WAITING):
        found = steps(WEB, replace(WEB, path="right"), running(1, state=state))
        assert words(found) == [("restart", (1,), "changed: path")]
    for state in (State.STOPPED, State.DONE, State.STOPPING):
        found = steps(WEB, replace(WEB, path="right"), running(1, state=state))
        assert words(found) == [("update", (), "changed: path")]


def test_a_raised_count_starts_more_and_a_lowered_one_stops_the_youngest() -> None:
    two, four = replace(WEB, instances=2), replace(WEB, instances=4)
    assert words(steps(two, four, running(1), running(2))) == [
        ("add", (), "starts 2 more"),
        ("update", (1, 2), "changed: instances"),
    ]
    four_run = [running(seq) for seq in (4, 2, 3, 1)]
    assert words(steps(four, two, *four_run)) == [
        ("stop", (3, 4), "instances: 4 -> 2"),
        ("update", (1, 2), "changed: instances"),
    ]


def test_an_app_that_now_starts_by_itself_is_started_unless_it_runs() -> None:
    still = replace(WEB, autostart=False)
    assert [step.action for step in steps(still, WEB)] == ["add", "update"]
    assert [step.action for step in steps(still, WEB, running(1, spec=still))] == ["update"]


def test_an_env_file_that_changed_on_disk_restarts() -> None:
    found = steps(WEB, WEB, running(1), surroundings={"web": ("env_file",)})
    assert words(found) == [("restart", (1,), "changed: env_file")]


def test_stops_come_first_and_the_unchanged_last() -> None:
    old = Config(apps={"a": WEB, "b": WEB, "c": WEB})
    new = Config(apps={"a": WEB, "b": replace(WEB, path="x"), "d": WEB})
    instances = [running(seq, name) for seq, name in enumerate("abc", 1)]
    found = [(step.action, step.app) for step in plan(old, new, instances)]
    assert found == [("stop", "c"), ("restart", "b"), ("add", "d"), ("unchanged", "a")]


def test_a_schedule_is_taken_on_without_a_restart() -> None:
    job = replace(WEB, schedule=Schedule(every=60.0))
    assert words(steps(job, replace(job, schedule=Schedule(every=90.0)), running(1, spec=job))) == [
        ("update", (1,), "changed: schedule")
    ]
    assert words(steps(job, replace(job, schedule=None), running(1, spec=job))) == [
        ("update", (1,), "changed: schedule")
    ]
    assert words(steps(WEB, replace(WEB, watch=("src",)), running(1))) == [("update", (1,), "changed: watch")]


def test_what_has_a_schedule_is_not_started_by_a_plan() -> None:
    job = App(path="x", schedule=Schedule(every=60.0))
    assert words(steps(None, job)) == [("add", (), "new; runs it by its schedule")]
    assert words(steps(job, replace(job, instances=2))) == [("update", (), "changed: instances")]
    assert words(steps(replace(job, autostart=True), replace(job, autostart=True, schedule=None))) == [
        ("add", (), "starts 1 more"),
        ("update", (), "changed: schedule"),
    ]


def test_a_lowered_count_stops_the_youngest_that_a_schedule_runs() -> None:
    job = App(path="x", schedule=Schedule(every=60.0), instances=2)
    found = steps(job, replace(job, instances=1), running(1, spec=job), running(2, spec=job))
    assert words(found)[0] == ("stop", (2,), "instances: 2 -> 1")


def ordered(seq: int) -> Instance:
    """One that an order of the cluster brought here."""
    entry = replace(running(seq).entry, source="deployed", deployed=Deployed(app="web", number=1, version=1))
    return replace(running(seq), entry=entry)


def test_what_the_cluster_brought_here_is_no_affair_of_the_file() -> None:
    by_hand = replace(WEB, autostart=False)
    found = steps(by_hand, replace(by_hand, path="other"), ordered(1))
    assert words(found) == [("update", (), "changed: path")]
    assert words(steps(WEB, None, running(1), ordered(2))) == [("stop", (1,), "removed from the file")]


def test_an_app_that_becomes_the_clusters_runs_here_no_more_and_back() -> None:
    far = replace(WEB, host="any")
    found = steps(WEB, far, running(1), ordered(2), running(3, state=State.STOPPED))
    assert words(found) == [("stop", (1,), "the cluster runs it from now on")]
    assert words(steps(far, far, ordered(2))) == []
    assert words(steps(far, None)) == []
    assert (
        words(steps(far, WEB, ordered(2)))
        == [("update", (), "changed: host"), ("add", (), "starts 1 more")][::-1]
    )
