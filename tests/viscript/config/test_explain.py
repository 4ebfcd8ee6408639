import pytest

from viscript.config.explain import explain
from viscript.config.keys import keys_of
from viscript.config.model import App, Config
from viscript.errors import ExitCode, VerbError


def test_a_key_is_explained_with_type_default_and_example() -> None:
    text = explain("apps.restart.delay")
    assert text.startswith("apps.restart.delay\n")
    for part in ("The first delay", "time", "default   1s", "example   delay: 500ms"):
        assert part in text


@pytest.mark.parametrize("path", ["apps.web.restart.delay", "apps.*.restart.delay"])
def test_the_name_of_an_app_may_stand_in_the_path(path: str) -> None:
    assert explain(path) == explain("apps.restart.delay")


def test_a_section_lists_its_keys() -> None:
    text = explain("apps.web")
    assert all(f"  {key.name} " in text for key in keys_of(App))
    assert all(f"  {key.name} " in explain() for key in keys_of(Config))
    assert "condition" in explain("apps.after[0]")


def test_a_setting_tells_its_variable() -> None:
    assert "VISCRIPT_LOGGING_LEVEL" in explain("logging.level")


@pytest.mark.parametrize(
    "path, hints",
    [
        ("apps.web.deamon", ("daemon",)), ("loging", ("logging",)), ("apps.web.cmd", ("command",)),
        ("apps.restart.delay.x", ()), ("xyzzy", ()),
    ],
)  # fmt: skip
def test_an_unknown_key_is_a_usage_error_with_a_hint(path: str, hints: tuple[str, ...]) -> None:
    with pytest.raises(VerbError) as caught:
        explain(path)
    assert (caught.value.code, caught.value.suggestions) == (ExitCode.USAGE, hints)


def test_a_key_of_a_later_version_says_so() -> None:
    with pytest.raises(VerbError, match="not supported by this version"):
        explain("apps.web.output.to")
