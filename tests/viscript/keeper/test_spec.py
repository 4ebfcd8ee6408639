"""What a launch carries, checked field by field."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.spec import NO_LIMIT, Log, Policy, Spec, as_json, policy_from, seconds_from, spec_from

WHOLE: Json = {
    "argv": ["/bin/x", "-a"],
    "cwd": "/tmp",
    "env": {"A": "1", "B": None},
    "inherit": False,
    "user": "nobody",
    "group": "nogroup",
    "umask": "022",
    "nice": 5,
    "rlimits": {"nofile": 1024, "RLIMIT_CORE": ["unlimited", -1], "cpu": "60"},
    "tty": True,
    "stdin": "pipe",
    "merge": False,
    "log": {"dir": "/logs/7", "max_bytes": 4096, "backups": 2, "file": None},
    "cgroup": True,
    "forking": True,
    "cols": 100,
    "rows": 30,
}


def test_all_fields_are_taken() -> None:
    spec = spec_from(WHOLE)
    assert (spec.umask, spec.log.backups) == (0o22, 2)
    assert spec.rlimits == {"nofile": (1024, 1024), "core": (NO_LIMIT, NO_LIMIT), "cpu": (60, 60)}


def test_a_spec_comes_back_from_the_journal() -> None:
    for spec in (spec_from(WHOLE), Spec(("x",)), Spec(("x",), log=Log("/d"))):
        assert as_json(spec_from(as_json(spec))) == as_json(spec)
    policy = Policy(success_codes=(0, 3), leftover_grace=None)
    assert policy_from(as_json(policy)) == policy


@pytest.mark.parametrize(
    "field, value",
    [
        ("argv", []),
        ("argv", "ls"),
        ("argv", ["a\0b"]),
        ("argv", ["a", "\ud800"]),
        ("env", {"A": "\ud800"}),
        ("argv", [""]),
        ("cwd", 7),
        ("env", {"A=B": "1"}),
        ("env", {"": "1"}),
        ("env", {"A": 1}),
        ("env", []),
        ("inherit", 1),
        ("umask", "9"),
        ("umask", 0o1000),
        ("nice", 20),
        ("nice", True),
        ("rlimits", {"nofile": -2}),
        ("rlimits", {"nofile": [1]}),
        ("rlimits", {"nofile": "many"}),
        ("stdin", "file"),
        ("log", {"max_bytes": 1}),
        ("log", []),
        ("cols", 0),
        ("rows", 70_000),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(Refusal, match=rf"spec\.{field}") as caught:
        spec_from({**WHOLE, field: value})
    assert caught.value.code == "bad-spec"


@pytest.mark.parametrize(
    "field, value",
    [
        ("policy", "sometimes"),
        ("delay", -1),
        ("delay", float("nan")),
        ("delay", float("inf")),
        ("jitter", 2),
        ("burst", 1.5),
        ("success_codes", [256]),
        ("daemon", "yes"),
    ],
)
def test_a_wrong_policy_is_named(field: str, value: object) -> None:
    with pytest.raises(Refusal, match=rf"policy\.{field}"):
        policy_from({field: value})


def test_a_spec_needs_a_program() -> None:
    with pytest.raises(Refusal, match="argv"):
        spec_from({})


def test_no_policy_is_the_default_one() -> None:
    assert policy_from(None) == Policy()


def test_fields_of_a_newer_daemon_are_ignored() -> None:
    assert spec_from({"argv": ["x"], "colour": "red"}).argv == ("x",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "x"]), JSON, max_size=4), JSON)
def test_anything_else_is_refused_and_nothing_breaks(fields: Json, value: object) -> None:
    for candidate in ({**WHOLE, **fields}, fields, value):
        with contextlib.suppress(Refusal):
            spec_from(candidate)
        with contextlib.suppress(Refusal):
            policy_from(candidate)


@pytest.mark.parametrize("value", ["1", None, True, -1, float("nan"), float("inf")])
def test_a_time_span_is_checked(value: object) -> None:
    with pytest.raises(Refusal, match="grace"):
        seconds_from({"grace": value}, "grace", 1.0)


def test_a_time_span_has_a_default() -> None:
    assert seconds_from({}, "grace", 2.5) == 2.5
    assert seconds_from({"grace": 3}, "grace", 2.5) == 3.0


def test_apps_with_equal_policies_share_one() -> None:
    one, other = policy_from({"policy": "always"}), policy_from({"policy": "always"})
    assert one is other
    assert as_json(one) is as_json(other)
    assert policy_from({"policy": "never"}) is not one


FENCE = {"lease": "5", "key": "run/web/1", "revision": 7, "file": "/f"}


def test_only_linux_fences_an_app(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spec_from({"argv": ["x"], "fence": FENCE}).fence is not None
    monkeypatch.setattr("viscript.keeper.spec.sys.platform", "darwin")
    with pytest.raises(Refusal, match="only Linux"):
        spec_from({"argv": ["x"], "fence": FENCE})
