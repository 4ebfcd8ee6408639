"""A program's own errors keep their meaning as exit codes."""

import pytest

from signal_bus.errors import Busy, Gone, NotJoined, RemoteError, TimedOut
from viscript.daemon.faults import verb_error
from viscript.errors import ExitCode


@pytest.mark.parametrize(
    "code, exit_code",
    [
        ("not-found", ExitCode.NOT_FOUND),
        ("bad-request", ExitCode.USAGE),
        ("no-method", ExitCode.USAGE),
        ("unavailable", ExitCode.NOT_HEALTHY),
        ("not-allowed", ExitCode.NOT_PERMITTED),
        ("timed-out", ExitCode.TIMED_OUT),
        ("its-own", ExitCode.FAILED),
    ],
)
def test_a_code_of_the_program_becomes_an_exit_code(code: str, exit_code: ExitCode) -> None:
    found = verb_error("app 7: find", RemoteError(code, "so it is"))
    assert (found.code, found.text) == (exit_code, f"app 7: find: {code}: so it is")
    assert found.data == {"code": code, "text": "so it is"}


def test_what_the_bus_says_is_told_as_it_is() -> None:
    assert verb_error("app 7", Gone(7, "it died")).text == "app 7: it died"
    assert verb_error("app 7", Gone(7, "it died")).code is ExitCode.FAILED
    assert verb_error("app 7", TimedOut("call", 2.0)).code is ExitCode.TIMED_OUT
    assert verb_error("app 7", NotJoined(7)).code is ExitCode.NOT_HEALTHY
    assert verb_error("app 7", Busy("call", 9)).data is None
