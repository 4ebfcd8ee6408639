from components.visor.plane.streams.limits import MESSAGE_BYTES_WAITING, MESSAGE_MAX, MESSAGES_WAITING
from components.visor.plane.streams.messages import Messages
from components.visor.plane.unit import HEADER, Kind, read_head

ROOM = memoryview(bytearray(65_000))


def test_messages_go_out_in_order_as_units() -> None:
    messages = Messages()
    assert messages.put(7, 9, b"one")
    assert messages.put(7, 9, b"")
    size = messages.write(ROOM)
    assert read_head(ROOM[:size]) == (Kind.MESSAGE, 0, 7 << 16 | 9)
    assert bytes(ROOM[HEADER:size]) == b"one"
    assert messages.write(ROOM) == HEADER
    assert messages.write(ROOM) == 0


def test_one_that_does_not_fit_waits_for_more_room() -> None:
    messages = Messages()
    messages.put(7, 9, bytes(100))
    assert messages.write(ROOM[:64]) == 0
    assert messages.write(ROOM) == HEADER + 100


def test_too_long_too_many_and_too_much_are_dropped() -> None:
    messages = Messages()
    assert not messages.put(7, 9, bytes(MESSAGE_MAX + 1))
    assert messages.put(7, 9, bytes(MESSAGE_MAX))
    for _ in range(MESSAGES_WAITING - 1):
        assert messages.put(7, 9, b"x")
    assert not messages.put(7, 9, b"x")
    messages.clear()
    for _ in range(MESSAGE_BYTES_WAITING // MESSAGE_MAX):
        assert messages.put(7, 9, bytes(MESSAGE_MAX))
    assert not messages.put(7, 9, b"x")
    assert messages.dropped == 3
