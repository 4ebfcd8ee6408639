"""The order of causes: a surer one hides a vaguer one."""

from typing import Any

import pytest

from tests.support.fake_world import NOW, instance
from viscript.diagnose.causes import CERTAIN, Cause
from viscript.diagnose.conflict import FileConflict, PortConflict
from viscript.diagnose.facts import Facts
from viscript.diagnose.failures import clash, failure
from viscript.states import State
from viscript.supervisor.api import Exit

PORT = PortConflict(port=80, pid=5, process="nginx")

# Each fact explains a failure alone; before it stand those that are surer.
BY_CERTAINTY: list[tuple[dict[str, Any], Cause]] = [
    ({"conflict": PORT}, Cause.PORT_CONFLICT),
    ({"out_of_memory": True}, Cause.OUT_OF_MEMORY),
    ({"leftovers": (9,)}, Cause.LEFTOVERS),
    ({"complaint": "permission"}, Cause.PERMISSION),
]


@pytest.mark.parametrize("first", range(len(BY_CERTAINTY)))
def test_a_surer_fact_hides_a_vaguer_one(first: int) -> None:
    known: dict[str, Any] = {}
    for fact, _ in reversed(BY_CERTAINTY[first:]):
        known |= fact
    failing = instance(7, "web", State.BACKOFF, last_exit=Exit(code=1))
    assert failure(failing, Facts(now=NOW, **known)).cause is BY_CERTAINTY[first][1]


@pytest.mark.parametrize("cause", sorted(CERTAIN))
def test_what_the_supervisor_knows_hides_all_else(cause: Cause) -> None:
    known: dict[str, Any] = {}
    for fact, _ in BY_CERTAINTY:
        known |= fact
    refused = instance(7, "web", State.FATAL, cause=cause.value, reason="so it is")
    verdict = failure(refused, Facts(now=NOW, **known))
    assert (verdict.cause, verdict.text) == (cause, "so it is")


def test_a_clash_is_named_by_what_is_held() -> None:
    assert clash(PORT, "so").cause is Cause.PORT_CONFLICT
    assert clash(FileConflict(path="/x"), "so").cause is Cause.FILE_CONFLICT
    assert clash(PORT, "so").text == "port 80 is taken by nginx (pid 5): so"
