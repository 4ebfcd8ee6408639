from signal_bus.ids import PublicKey
from viscript.cluster.links.api import HostAway, HostState, Reach, StreamRefused


def test_a_host_never_heard_shows_no_figures_as_fresh() -> None:
    host = HostState(label="a", key=PublicKey(bytes(32)), state=Reach.DOWN)
    assert (host.last_seen, host.age_seconds, host.path) == (None, None, "none")


def test_an_error_names_the_host_and_the_reason() -> None:
    away = HostAway("edge", PublicKey(bytes(32)), "nothing heard for 15 s", last_seen=7.0)
    assert str(away) == "edge: nothing heard for 15 s"
    assert away.last_seen == 7.0
    assert str(StreamRefused("busy", "64 streams")) == "busy: 64 streams"
    assert str(StreamRefused("busy", "")) == "busy"
