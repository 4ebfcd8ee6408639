import pytest

from signal_bus import errors


def test_every_error_says_who_is_wrong() -> None:
    sides = (errors.CallerError, errors.PeerError, errors.WorldError)
    found = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in found:
        assert issubclass(kind, errors.BusError)
        assert kind is errors.BusError or issubclass(kind, sides), kind


def test_the_facts_are_attributes_and_the_sentence_is_for_people() -> None:
    bad = errors.WireError("no map", size=3, code="bad-message", request="9")
    assert (bad.reason, bad.size, bad.code, bad.request) == ("no map", 3, "bad-message", "9")
    assert str(bad) == "bad frame of 3 bytes: no map"
    assert str(errors.RemoteError("busy", "")) == "busy"
    assert str(errors.Refused("stale", "over")) == "stale: over"
    assert str(errors.NotSupervised("X")).startswith("X is not set")
    assert errors.BadEnvironment("X", "y").value == "y"
    assert errors.Busy("ping", 64).bound == 64


def test_a_passed_deadline_is_also_the_standard_one() -> None:
    with pytest.raises(TimeoutError, match=r"no answer to ping within 0\.5 s"):
        raise errors.TimedOut("ping", 0.5)
