from viscript.config.fault import Place
from viscript.config.overrides import SETTINGS, overlay, variable
from viscript.config.tree import plain, tree_of

HERE = Place("c.yaml", 1, 1)


def test_every_setting_outside_apps_that_is_one_value_can_be_set() -> None:
    assert set(SETTINGS) == {
        "settings.verboseInput", "settings.verifyParsingByPrinting", "settings.runHeadless", "plugins.strict",
        "store", "bus.tcp", "bus.external", "cluster.label", "logging.level",
    }  # fmt: skip


def test_variables_do_not_collide() -> None:
    assert variable("logging.level") == "VISCRIPT_LOGGING_LEVEL"
    taken = {"VISCRIPT_HOME", "VISCRIPT_CONFIG", "VISCRIPT_SEQ", "VISCRIPT_ENDPOINT", "VISCRIPT_GENERATION"}
    assert len({variable(setting) for setting in SETTINGS} - taken) == len(SETTINGS)


def test_values_are_read_as_yaml_reads_them() -> None:
    tree, origins, faults = overlay(tree_of(None, HERE), {"VISCRIPT_BUS_EXTERNAL": "true"}, {"store": "x://"})
    assert plain(tree) == {"bus": {"external": True}, "store": "x://"}
    assert {setting: origin.kind for setting, origin in origins.items()} == {
        "bus.external": "environment", "store": "command line",
    }  # fmt: skip
    assert not faults


def test_a_file_of_a_wrong_shape_is_left_for_the_conversion() -> None:
    tree, _, _ = overlay(tree_of({"bus": "x"}, HERE), {"VISCRIPT_BUS_EXTERNAL": "true"}, {})
    assert plain(tree) == {"bus": "x"}


def test_what_cannot_be_set_is_told() -> None:
    _, _, faults = overlay(tree_of({}, HERE), {}, {"apps.web.path": "x"})
    assert [str(fault) for fault in faults] == ["command line: apps.web.path: cannot be set here"]
