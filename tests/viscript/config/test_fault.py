from viscript.config.fault import BadConfig, Place, fault_at
from viscript.errors import ExitCode


def test_a_fault_reads_as_file_line_column_key_message_and_hint() -> None:
    fault = fault_at(Place("c.yaml", 12, 5), "apps.a.deamon", "unknown key", 'did you mean "daemon"?')
    assert str(fault) == 'c.yaml:12:5: apps.a.deamon: unknown key (did you mean "daemon"?)'


def test_a_fault_of_a_whole_file_has_no_place() -> None:
    assert str(fault_at(Place("c.yaml"), "", "cannot be read")) == "c.yaml: cannot be read"


def test_a_bad_configuration_exits_with_6_and_carries_its_faults() -> None:
    fault = fault_at(Place("c.yaml", 1, 1), "a", "unknown key")
    error = BadConfig([fault]).as_verb_error()
    assert (error.code, error.text, error.data) == (ExitCode.BAD_CONFIG, str(fault), [fault])


def test_a_fault_is_one_line_that_steers_no_terminal() -> None:
    fault = fault_at(Place("c.yaml", 1, 1), "apps.a\x1b[2J", 'got text "x\ny"', "écrit")
    assert str(fault) == 'c.yaml:1:1: apps.a\\x1b[2J: got text "x\\ny" (écrit)'
