"""Errors of the mesh in the words of the app protocol."""

import pytest

from components.mesh.errors import BadKey, Busy, Gone, MeshError, RemoteError, TimedOut, Unreachable
from components.visor.apps.errors import Refusal, refusal_of
from components.visor.apps.messages import Fault
from components.visor.book import BookError


@pytest.mark.parametrize(
    "exc, code",
    [
        (BadKey("x"), Fault.BAD_KEY),
        (BookError("x"), Fault.NOT_FOUND),
        (TimedOut("x", 1), Fault.TIMEOUT),
        (Busy("x", 1), Fault.BUSY),
        (Unreachable("x", "y"), Fault.UNREACHABLE),
        (RemoteError("refused", "no"), Fault.REFUSED),
        (RemoteError("refused"), Fault.REFUSED),
        (RemoteError("something-new", "no"), Fault.FAILED),
        (Gone("x"), Fault.FAILED),
        (Refusal(Fault.TOO_MANY, "x"), Fault.TOO_MANY),
    ],
)
def test_each_error_has_its_code_and_a_sentence(exc: MeshError, code: Fault) -> None:
    refusal = refusal_of(exc)
    assert refusal.code == code
    assert refusal.text
