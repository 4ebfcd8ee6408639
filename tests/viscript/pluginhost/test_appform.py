"""The short form of an app: the signature is the schema, and what cannot be an app is told."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from viscript.config.model import Argument
from viscript.pluginhost import appform
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.spec import AppSpec


@appform.app
async def plain(ctx: object) -> None:
    """does nothing.

    And says so at length.
    """


@appform.app(name="full", help="[1] host", aliases=("f",), needs=("visor",), daemon=True)
async def full_of_it(
    ctx: object, host: str, port: int = 80, rate: float = 1.5, file: Path | None = None, *rest: str
) -> None: ...


@appform.app
async def typed(ctx: object, host: str, port: int = 80, rate: float = 1.5, *rest: str) -> None: ...


def module_of(*functions: Callable[..., Any], name: str = __name__) -> ModuleType:
    module = ModuleType(name)
    for function in functions:
        setattr(module, function.__name__, function)
    return module


def test_a_bare_mark_takes_name_and_summary_from_the_function() -> None:
    (spec,) = appform.apps_of(module_of(plain), "here.py")
    assert (spec.name, spec.summary, spec.args) == ("plain", "does nothing", ())
    assert spec.argv == (sys.executable, "-P", "-m", "viscript.plugin_run", "here.py", "plain")
    assert spec.ready is not None
    assert spec.ready.signal


def test_the_signature_is_the_argument_schema() -> None:
    assert appform.arguments_of(typed) == (
        Argument(name="host", required=True),
        Argument(name="port", type="int", default="80"),
        Argument(name="rate", type="float", default="1.5"),
    )


def test_a_type_that_is_no_argument_type_is_told() -> None:
    with pytest.raises(
        PluginError, match=r"app full: parameter 'file': .* is not one of str, int, float, Path"
    ):
        appform.apps_of(module_of(full_of_it), "here.py")


def test_given_arguments_stand_before_the_signature() -> None:
    @appform.app(args=(Argument(name="peer", type="key"),), aliases=("g",), daemon=True)
    async def given(ctx: object, peer: bytes) -> None: ...

    spec = appform.spec_of(given, "here.py")
    assert [argument.type for argument in spec.args] == ["key"]
    assert spec.aliases == ("g",)
    assert spec.daemon


def test_an_imported_app_belongs_to_the_plugin_that_defines_it() -> None:
    assert appform.apps_of(module_of(plain, name="another"), "here.py") == []


def test_what_cannot_be_an_app_is_told() -> None:
    def blocking(ctx: object) -> None: ...

    async def without() -> None: ...

    async def keyword(ctx: object, *, who: str) -> None: ...

    for function, told in (
        (blocking, "must be `async def`"),
        (without, "its first parameter must be the context"),
        (keyword, "parameter 'who' must be positional"),
    ):
        setattr(function, appform.MARK, {})
        with pytest.raises(PluginError, match=told):
            appform.apps_of(module_of(function), "here.py")


@pytest.mark.parametrize(
    "words, values",
    [
        (["h"], ["h"]),
        (["h", "8", "2.5"], ["h", 8, 2.5]),
        (["h", "8", "2.5", "-x", "y"], ["h", 8, 2.5, "-x", "y"]),
    ],
)
def test_words_become_the_values_the_signature_asks_for(words: list[str], values: list[object]) -> None:
    assert appform.bind(typed, words) == values


def test_words_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match="missing argument: host"):
        appform.bind(typed, [])
    with pytest.raises(ValueError, match="argument port: int expected, got 'x'"):
        appform.bind(typed, ["h", "x"])
    with pytest.raises(ValueError, match="too many arguments: at most 0 expected, 1 given"):
        appform.bind(plain, ["x"])


@pytest.mark.parametrize("name", ["", "7", "-x", "a b", "a/b", "é", "7up"])
def test_a_name_that_could_be_an_id_or_a_path_is_refused(name: str) -> None:
    assert appform.faults_of(AppSpec(name=name, argv=("x",)))


def test_the_faults_of_a_spec_are_all_told() -> None:
    args = (Argument(name="a"), Argument(name="b", required=True))
    told = appform.faults_of(AppSpec(name="x", argv=(), args=args, summary=7))  # type: ignore[arg-type]
    assert len(told) == 3
    assert appform.faults_of(AppSpec(name="socks-server.v5_1", argv=("x",))) == []
