import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_world import entry, instance
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.verbs.targets import MOST, base_name, resolve, resolve_many

ALL = [
    instance(1, "old", State.FATAL),
    instance(2, "web", entry=entry("web", group="front", tags=("blue",))),
    instance(3, "web#2", entry=entry("web", group="front")),
    instance(4, "solo"),
    instance(5, "named", app="thing"),
    instance(6, "gone", State.STOPPED),
    instance(7, "gone", State.DONE),
]


def ids(text: str, *, ended: bool = False) -> list[int]:
    return [item.seq for item in resolve(text, ALL, label="here", ended=ended).instances]


def refused(text: str) -> VerbError:
    with pytest.raises(VerbError) as caught:
        resolve(text, ALL, label="here")
    return caught.value


@pytest.mark.parametrize(
    "text, found",
    [
        ("4", [4]),
        ("1", [1]),
        ("004", [4]),
        ("solo", [4]),
        ("web#1", [2]),
        ("web#2", [3]),
        ("thing", [5]),
        ("named", [5]),
        ("gone", [7]),
        ("old", [1]),
        ("we*", [2, 3]),
        ("web[#]?", [3]),
        ("@front", [2, 3]),
        ("@blue", [2]),
        ("all", [2, 3, 4, 5]),
        ("@all", [2, 3, 4, 5]),
        ("here/4", [4]),
        ("localhost/solo", [4]),
    ],
)
def test_a_target_means_instances(text: str, found: list[int]) -> None:
    assert ids(text) == found


def test_ended_ones_are_meant_where_the_verb_says_so() -> None:
    assert ids("all", ended=True) == [1, 2, 3, 4, 5, 6, 7]
    assert ids("g*", ended=True) == [6, 7]


@pytest.mark.parametrize("text, single", [("4", True), ("solo", True), ("so*", False), ("all", False)])
def test_one_id_or_name_is_single(text: str, single: bool) -> None:
    assert resolve(text, ALL, label="here").single is single


def test_the_instance_of_exactly_that_name_is_meant() -> None:
    assert ids("web") == [2]


def test_an_app_of_several_instances_lists_their_ids() -> None:
    numbered = [instance(4, "db#2"), instance(5, "db#3")]
    with pytest.raises(VerbError) as caught:
        resolve("db", numbered, label="here")
    assert caught.value.code is ExitCode.USAGE
    assert "4 (db#2), 5 (db#3)" in caught.value.text
    assert caught.value.suggestions == ("4", "5")


@pytest.mark.parametrize("text", ["99", "slo", "x*", "@x", "there/4", "9" * 5000, "", "#", "solo#2"])
def test_what_means_nothing_is_not_found(text: str) -> None:
    assert refused(text).code is ExitCode.NOT_FOUND


def test_a_mistyped_name_is_recognised() -> None:
    assert refused("slo").suggestions[0] == "solo"


def test_several_targets_give_each_instance_once() -> None:
    found = resolve_many(["4", "@front", "solo", "2"], ALL, label="here")
    assert [item.seq for item in found.instances] == [4, 2, 3]
    assert not found.single


@pytest.mark.parametrize("name, base", [("web", "web"), ("web#2", "web"), ("a#b", "a#b"), ("#2", "")])
def test_the_number_is_parted_from_the_name(name: str, base: str) -> None:
    assert base_name(name) == base


@given(st.text())
def test_any_text_means_something_or_is_refused(text: str) -> None:
    code = ExitCode.NOT_FOUND
    try:
        resolve(text, ALL, label="here")
    except VerbError as exc:
        code = exc.code
    assert code in (ExitCode.NOT_FOUND, ExitCode.USAGE)


def test_the_name_of_a_group_suggests_the_group() -> None:
    assert refused("front").suggestions == ("@front",)
    assert refused("blue").suggestions == ("@blue",)


def test_a_glob_that_would_take_long_fits_nothing() -> None:
    assert refused("*a" * 100_000 + "b").code is ExitCode.NOT_FOUND


def test_a_target_given_often_is_looked_for_once_and_there_is_an_end_to_them() -> None:
    found = resolve_many(["web", "web"], ALL, label="here")
    assert ([item.seq for item in found.instances], found.single) == ([2], False)
    with pytest.raises(VerbError, match="more than 1000") as caught:
        resolve_many([str(number) for number in range(MOST + 1)], ALL, label="here")
    assert caught.value.code is ExitCode.USAGE
