"""What a service of the mesh tells the bus about itself."""

import pytest

from components.mesh import offers
from tests.support.mesh import BOB


@pytest.mark.parametrize(
    "listening, offered",
    [
        ("127.0.0.1:9091", "127.0.0.1:9091"),
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("0.0.0.0:9091", "127.0.0.1:9091"),
        ("[::]:9091", "[::1]:9091"),
        ("[fd00::1]:2", "[fd00::1]:2"),
    ],
)
def test_one_that_listens_everywhere_is_offered_at_the_nearest_address(listening: str, offered: str) -> None:
    assert offers.url(listening) == f"http://{offered}"
    assert offers.keyed(BOB.public_key, listening) == f"{BOB.public_key.hex()}@{offered}"
