"""The rows a visor answers are those that are published."""

import msgspec
import pytest

from plugins.mesh import rows
from tests.support import fake_visor


@pytest.mark.parametrize(
    "verb, method",
    [
        ("peers", "peers"),
        ("tp ls", "transports"),
        ("route ls", "routes"),
        ("route rules", "rules"),
        ("route groups", "groups"),
        ("mesh map", "mesh_map"),
        ("mesh check", "mesh_check"),
        ("mesh conns", "connections"),
        ("meter", "meter"),
        ("meter verify", "meter_verify"),
        ("meter links", "meter_links"),
        ("services", "services"),
    ],
)
def test_an_answer_of_the_visor_is_a_row(verb: str, method: str) -> None:
    answer = fake_visor.ANSWERS[method]
    assert msgspec.to_builtins(msgspec.convert(answer, rows.ANSWERS[verb])) == answer


def test_a_path_has_from_and_to() -> None:
    found = msgspec.convert(fake_visor.PATHS, list[rows.PathRow])
    assert found[0].hops[0].source == fake_visor.KEY
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([{"cost": 1}], list[rows.PathRow])
