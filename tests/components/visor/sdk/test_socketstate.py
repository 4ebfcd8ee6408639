import socket

from components.visor.sdk.socketstate import hung_up


def test_an_end_of_one_direction_is_no_hanging_up() -> None:
    near, far = socket.socketpair()
    with near:
        assert not hung_up(near)
        far.shutdown(socket.SHUT_WR)
        assert not hung_up(near)
        far.close()
        assert hung_up(near)
