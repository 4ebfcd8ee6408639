"""Each error an app can get has a kind of its own and says what to do."""

import pytest

from components.visor.apps.messages import Failed, Fault
from components.visor.plane.streams.api import Code
from components.visor.sdk.errors import (
    AppError,
    DialError,
    DialTimeout,
    PeerRefused,
    PortTaken,
    Refused,
    StreamReset,
    TooMany,
    Unreachable,
    error_of,
)


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_is_an_error_with_its_code(fault: Fault) -> None:
    error = error_of(Failed(1, fault, "why"))
    assert isinstance(error, Refused)
    assert (error.code, str(error)) == (fault, "why")


def test_a_fault_of_a_later_version_is_an_error_too() -> None:
    assert str(error_of(Failed(1, "new-one"))) == "new-one"


def test_kinds_fit_what_python_has() -> None:
    assert issubclass(PeerRefused, DialError)
    assert issubclass(Unreachable, ConnectionError)
    assert issubclass(DialTimeout, TimeoutError)
    assert issubclass(StreamReset, ConnectionResetError)
    assert not issubclass(PortTaken, ConnectionError)
    assert issubclass(TooMany, AppError)


@pytest.mark.parametrize("code", [*Code, 300])
def test_each_reset_has_a_sentence(code: int) -> None:
    assert len(str(StreamReset(code))) > 20
