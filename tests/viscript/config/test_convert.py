import msgspec
import msgspec.inspect as mi

from viscript.config.convert import Converter, convert_data, is_number, number_text
from viscript.config.fault import Place
from viscript.config.model import Config
from viscript.config.tree import tree_of

HERE = Place("c.yaml", 3, 1)


class Limits(msgspec.Struct, frozen=True):
    rooms: int = 5
    names: tuple[str, ...] = ()


def test_one_wrong_value_hides_no_other_and_keeps_its_default() -> None:
    converter = Converter()
    data = {"apps": {"a": {"path": 1, "instances": "x", "desc": "kept"}}, "store": []}
    config = converter.convert(tree_of(data, HERE), mi.type_info(Config), "")
    assert [fault.path for fault in converter.faults] == ["apps.a.path", "apps.a.instances", "store"]
    assert config.apps["a"].desc == "kept"
    assert config.apps["a"].instances == 1


def test_the_settings_of_a_plugin_are_converted_like_the_rest() -> None:
    good, none = convert_data({"rooms": 7, "names": ["a"]}, Limits, "plugins.settings.chat", HERE)
    assert (good, none) == (Limits(7, ("a",)), [])
    bad, faults = convert_data({"room": 7, "names": "a"}, Limits, "plugins.settings.chat", HERE)
    assert bad is None
    assert [str(fault) for fault in faults] == [
        'c.yaml:3:1: plugins.settings.chat.room: unknown key (did you mean "rooms"?)',
        'c.yaml:3:1: plugins.settings.chat.names: expected a list, got text "a" (write [a])',
    ]


def test_a_secret_is_not_repeated_in_a_message() -> None:
    converter = Converter()
    data = {"plugins": {"settings": {"x": "hunter2"}}, "bus": {"allow": "hunter2"}}
    converter.convert(tree_of({"apps": {"api-key": "hunter2"}}, HERE), mi.type_info(Config), "")
    assert "hunter2" not in str(converter.faults)
    converter.convert(tree_of(data, HERE), mi.type_info(Config), "")
    assert len(converter.faults) == 3


def test_numbers_are_finite_and_no_flags() -> None:
    assert is_number(1)
    assert not is_number(True)
    assert not is_number(float("inf"))
    assert not is_number("1")
    assert (number_text(3), number_text(1e-3)) == ("3", "0.001000000")
