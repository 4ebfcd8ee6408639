from typing import Annotated, Any

import msgspec
import pytest

from signal_bus.errors import CallerError, RemoteError
from signal_bus.methods import Methods


class Point(msgspec.Struct):
    x: int
    y: int = 0


def add(a: int, b: int = 2) -> int:
    """Add two numbers.

    The rest is for readers of the code.
    """
    return a + b


async def area(points: list[Point], scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0) -> float:
    """The area
    of a shape."""
    return len(points) * scale


def loose(x: Any, y: list[Any] = []) -> Any:  # noqa: B006 (that is what is tested)
    y.append(x)
    return y


def offered() -> Methods:
    methods = Methods()
    for function in (add, area, loose):
        methods.add(function)
    return methods


async def test_parameters_come_by_name_or_in_order() -> None:
    methods = offered()
    assert await methods.call("add", {"a": 1, "b": 5}) == 6
    assert await methods.call("add", [1]) == 3
    assert await methods.call("area", {"points": [{"x": 1}], "scale": 2}) == 2


@pytest.mark.parametrize(
    "params", [None, {"a": "one"}, {"a": 1, "c": 2}, [1, 2, 3], "text", 7, {"a": 1.5}, {"b": 1}]
)
async def test_parameters_that_do_not_fit_never_reach_the_function(params: object) -> None:
    with pytest.raises(RemoteError) as caught:
        await offered().call("add", params)
    assert caught.value.code == "bad-params"


async def test_a_bound_in_an_annotation_is_checked() -> None:
    with pytest.raises(RemoteError):
        await offered().call("area", {"points": [], "scale": 0})


async def test_there_is_no_other_method() -> None:
    with pytest.raises(RemoteError) as caught:
        await offered().call("__init__", None)
    assert caught.value.code == "no-method"


def test_the_description_is_schema_and_docstring() -> None:
    by_name = {method.name: method for method in offered().described().methods}
    assert by_name["add"].summary == "Add two numbers."
    assert by_name["area"].summary == "The area of a shape."
    assert by_name["add"].params["required"] == ["a"]
    assert by_name["add"].params["properties"]["b"] == {"type": "integer", "default": 2}
    assert by_name["add"].result == {"type": "integer"}
    assert "Point" in by_name["area"].params["$defs"]
    assert by_name["loose"].result == {}


def test_the_digest_changes_with_the_description() -> None:
    methods = Methods()
    assert methods.digest() == ""
    methods.add(add)
    one = methods.digest()
    methods.add(area)
    assert one != methods.digest() != ""


async def test_a_default_that_can_change_is_looked_up_at_each_call() -> None:
    methods = offered()
    assert await methods.call("loose", [1]) == [1]


def test_a_function_without_fixed_names_cannot_be_offered() -> None:
    def nameless(*values: int) -> None:
        """Takes anything."""

    with pytest.raises(CallerError):
        Methods().add(nameless)
