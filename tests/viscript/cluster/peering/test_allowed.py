"""Which commands are for another cluster: a matrix over every verb, and over what they are said with."""

import pytest

from tests.support.fake_world import instance
from viscript.cluster.peering.allowed import ALLOWED, check, check_targets, targets_of
from viscript.cluster.peering.terms import Share
from viscript.errors import ExitCode, VerbError
from viscript.verbs.core import builtin
from viscript.verbs.parse import parse
from viscript.verbs.roles import permits
from viscript.verbs.table import Role, Verb

TABLE = builtin()
VIEW, OPERATE = Share(apps=("web",)), Share(apps=("web",), role=Role.OPERATE)
VALUES = {"int": "3", "seconds": "1s", "signal": "HUP", "state": "ready", "json": "{}"}


def words(verb: Verb) -> list[str]:
    """A command line that parses."""
    given = [
        arg.choices[0] if arg.choices else VALUES.get(arg.kind, "web") for arg in verb.args if arg.required
    ]
    return [*verb.name.split(), *given]


def code_of(argv: list[str], share: Share) -> ExitCode | None:
    try:
        check(TABLE, argv, share)
    except VerbError as exc:
        return exc.code
    return None


@pytest.mark.parametrize("share", [VIEW, OPERATE], ids=["view", "operate"])
@pytest.mark.parametrize("verb", list(TABLE), ids=lambda verb: verb.name)
def test_what_is_not_in_the_table_is_refused_with_7(verb: Verb, share: Share) -> None:
    for spelling in (verb.name, *verb.aliases):
        argv = [*spelling.split(), *words(verb)[len(verb.name.split()) :]]
        allowed = ALLOWED.get(verb.name)
        may = allowed is not None and permits(share.role, allowed.role)
        assert code_of(argv, share) is (None if may else ExitCode.NOT_PERMITTED), argv


def test_the_table_asks_for_no_less_than_the_verb_itself() -> None:
    for name, allowed in ALLOWED.items():
        verb = TABLE.get(name)
        assert verb is not None
        assert verb.name == name
        assert permits(allowed.role, verb.role), name
        assert allowed.options <= {option.name for option in verb.options}, name
        assert verb.role_of is None, name


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_options_that_are_not_named_are_refused(name: str) -> None:
    verb = TABLE.get(name)
    assert verb is not None
    for option in verb.options:
        value = [] if option.flag else [option.choices[0] if option.choices else VALUES.get(option.kind, "x")]
        argv = [*words(verb), option.flags[0], *value]
        expected = None if option.name in ALLOWED[name].options else ExitCode.NOT_PERMITTED
        assert code_of(argv, OPERATE) is expected, argv


@pytest.mark.parametrize(
    "argv",
    [
        [], [""], ["-o", "json", "la"], ["la", "-o", "json"], ["la", "--help"], ["--", "la"],
        ["la", "-H", "m1"],
        ["on", "@all", "la"], ["log", "-f", "web"], ["nonsense"], ["peer", "ls"], ["config", "show"],
    ],
)  # fmt: skip
def test_ways_around_it_are_refused(argv: list[str]) -> None:
    assert code_of(argv, OPERATE) is ExitCode.NOT_PERMITTED


def test_a_mistake_in_the_form_is_one() -> None:
    assert code_of(["ping"], VIEW) is ExitCode.USAGE


@pytest.mark.parametrize("target", ["db", "2", "m2/web", "@group", "localhost/web", "x=y", "db*", "w" * 100])
def test_a_target_that_is_not_shared_is_refused_whether_it_is_there_or_not(target: str) -> None:
    parsed = parse(TABLE, ["why", target])
    with pytest.raises(VerbError, match="is not shared with you here") as raised:
        check_targets(parsed, [instance(1, "web")], label="m1")
    assert raised.value.code is ExitCode.NOT_PERMITTED


@pytest.mark.parametrize("target", ["web", "1", "all", "w*"])
def test_a_target_that_is_shared_is_taken(target: str) -> None:
    check_targets(parse(TABLE, ["why", target]), [instance(1, "web")], label="m1")


def test_a_name_that_means_several_is_a_mistake() -> None:
    twins = [instance(1, "web"), instance(2, "web")]
    with pytest.raises(VerbError) as raised:
        check_targets(parse(TABLE, ["why", "web"]), twins, label="m1")
    assert raised.value.code is ExitCode.USAGE


def test_the_targets_of_a_command() -> None:
    assert targets_of(parse(TABLE, ["ru", "a", "b"])) == ("a", "b")
    assert targets_of(parse(TABLE, ["ping", "a"])) == ("a",)
    assert targets_of(parse(TABLE, ["la"])) == targets_of(parse(TABLE, ["ru"])) == ()
