from signal_bus import limits
from signal_bus.kinds import KINDS


def test_every_body_fits_a_message_with_its_envelope() -> None:
    assert all(kind.cap <= limits.MESSAGE_BYTES for kind in KINDS.values())
    assert limits.ENVELOPE_BYTES < limits.MESSAGE_BYTES


def test_a_client_is_suspected_before_it_is_silent() -> None:
    assert 0 < limits.SUSPECT_BEATS < limits.SILENT_BEATS
    assert limits.TICK_S < limits.BEAT_MIN_S


def test_memory_held_for_one_peer_is_bounded_by_small_numbers() -> None:
    assert limits.QUEUE_MESSAGES * limits.TEXT_BYTES <= 16 << 20
