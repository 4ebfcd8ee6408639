import pytest

from viscript.cluster.far.deadlines import CHANGING_S, LOOKING_S, deadline_of
from viscript.verbs.core import builtin
from viscript.verbs.parse import parse

TABLE = builtin()


@pytest.mark.parametrize(
    "command, deadline",
    [
        ("la", LOOKING_S),
        ("sd 7", CHANGING_S),
        ("ping 7 -c 10 -i 1s", LOOKING_S + 10.0),
        ("wait 7 --timeout 9s", 9.0),
        ("rpc 7 x --timeout 3s", 3.0),
        ("log 7 -f", None),
        ("ev -f", None),
        ("attach 7", None),
        ("attach -r 7", None),
    ],
)
def test_a_command_has_a_deadline_elsewhere(command: str, deadline: float | None) -> None:
    assert deadline_of(parse(TABLE, command.split())) == deadline
