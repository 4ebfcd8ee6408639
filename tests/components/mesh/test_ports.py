from enum import IntEnum

import pytest

from components.mesh.ports import FIRST_EPHEMERAL, AppPort, MeshPort, TcpPort


@pytest.mark.parametrize("table", [MeshPort, AppPort, TcpPort])
def test_every_port_has_one_user_and_is_below_the_ephemeral_ones(table: type[IntEnum]) -> None:
    numbers = [int(port) for port in table.__members__.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(0 < number < FIRST_EPHEMERAL for number in numbers)


def test_skywires_numbers_are_kept() -> None:
    assert (MeshPort.SETUP_NODE, MeshPort.LINK, MeshPort.CONTROL, MeshPort.SETUP_HOP) == (36, 45, 46, 136)
    assert (AppPort.SKYCHAT, AppPort.TERMINAL, AppPort.SOCKS, AppPort.VPN) == (1, 2, 3, 44)
    assert (TcpPort.SOCKS_PROXY, TcpPort.APP_SERVER, TcpPort.LINKS) == (1080, 5505, 7777)
