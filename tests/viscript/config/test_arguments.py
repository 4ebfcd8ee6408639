import pytest

from viscript.config.arguments import argument_faults, argument_problem
from viscript.config.model import Argument


@pytest.mark.parametrize(
    "argument, text, good",
    [
        (Argument(name="a"), "anything", True),
        (Argument(name="a", type="int"), "5", True),
        (Argument(name="a", type="int"), "x", False),
        (Argument(name="a", type="float"), "1.5", True),
        (Argument(name="a", type="port"), "80", True),
        (Argument(name="a", type="port"), ":80", False),
        (Argument(name="a", type="port"), "0", False),
        (Argument(name="a", type="address"), "127.0.0.1:20000", True),
        (Argument(name="a", type="address"), "nowhere", False),
        (Argument(name="a", type="json"), '{"a": 1}', True),
        (Argument(name="a", type="json"), "{", False),
        (Argument(name="a", type="json"), "[" * 100_000, False),
        (Argument(name="a", choices=("x", "y")), "x", True),
        (Argument(name="a", choices=("x", "y")), "z", False),
    ],
)
def test_a_value_fits_its_argument_or_is_told_why_not(argument: Argument, text: str, good: bool) -> None:
    assert (argument_problem(argument, text) == "") is good


def test_a_declaration_that_contradicts_itself_is_told() -> None:
    wrong = Argument(name=" ", default="x", required=True, choices=("y",))
    assert [key for key, _ in argument_faults(wrong)] == ["name", "", "default"]
    assert list(argument_faults(Argument(name="a", type="int", default="5"))) == []
