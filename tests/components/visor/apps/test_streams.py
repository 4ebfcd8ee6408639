"""The streams of an app: bounded, each end told once and never before the app knows of the stream."""

import socket

import pytest

from components.visor.apps.errors import Refusal
from components.visor.apps.messages import NUMBER_MAX, Ended
from components.visor.apps.streams import AppStreams, OpenStream
from components.visor.plane.streams.tally import Tally
from signal_bus.ids import PublicKey

KEY = PublicKey(bytes(32))


class Mesh:
    def __init__(self, streams: AppStreams, stream: OpenStream) -> None:
        self.sent_bytes, self.received_bytes = 3, 4
        self.rtt_s: float | None = None
        self._over = streams.over(stream)

        self.held = False
        self.given: list[socket.socket] = []

    def hold(self) -> None:
        self.held = True

    @property
    def tally(self) -> Tally | None:
        return None

    def give(self, sock: socket.socket) -> None:
        self.given.append(sock)

    def reset(self, code: int) -> None:
        self._over(code)


@pytest.fixture
def told() -> list[Ended]:
    return []


@pytest.fixture
def streams(told: list[Ended]) -> AppStreams:
    return AppStreams(2, lambda _, ended: told.append(ended))


def opened(streams: AppStreams) -> OpenStream:
    stream = streams.make(KEY, 1, 2, dialled=True)
    stream.mesh = Mesh(streams, stream)
    return stream


def test_there_are_no_more_than_allowed(streams: AppStreams) -> None:
    first = streams.make(KEY, 1, 2, dialled=True)
    streams.make(KEY, 1, 3, dialled=False)
    with pytest.raises(Refusal, match="2 streams"):
        streams.make(KEY, 1, 4, dialled=True)
    streams.forget(first)
    assert streams.make(KEY, 1, 4, dialled=True).number == 3
    assert [facts.facts(0.0).rport for facts in streams] == [3, 4]


def test_an_end_before_the_answer_is_told_after_it(streams: AppStreams, told: list[Ended]) -> None:
    stream = opened(streams)
    streams.over(stream)(5)
    assert told == []
    streams.announced(stream, 7.0)
    assert told == [Ended(1, 5, 3, 4)]
    streams.over(stream)(5)
    assert len(told) == 1


def test_a_stream_is_reset_by_its_number(streams: AppStreams, told: list[Ended]) -> None:
    stream = opened(streams)
    streams.announced(stream, 7.0)
    streams.reset(1, 300)
    assert told == [Ended(1, 300, 3, 4)]
    with pytest.raises(Refusal, match="no stream 1"):
        streams.reset(1, 300)


def test_what_the_mesh_has_not_given_yet_cannot_be_reset(streams: AppStreams) -> None:
    streams.make(KEY, 1, 2, dialled=True)
    with pytest.raises(Refusal):
        streams.reset(1, 3)
    streams.reset_all(3)
    assert len(streams) == 1


def test_all_are_reset_at_once(streams: AppStreams, told: list[Ended]) -> None:
    for _ in range(2):
        streams.announced(opened(streams), 7.0)
    assert streams.full
    streams.reset_all(3)
    assert [ended.stream for ended in told] == [1, 2]
    assert len(streams) == 0


def test_another_socket_is_taken_only_for_a_stream_that_is_held(streams: AppStreams) -> None:
    mesh = opened(streams).mesh
    assert isinstance(mesh, Mesh)
    with socket.socket() as sock:
        with pytest.raises(Refusal, match="hold it first"):
            streams.give(1, sock)
        streams.hold(1)
        streams.give(1, sock)
        assert mesh.given == [sock]
        with pytest.raises(Refusal, match="no stream 2"):
            streams.hold(2)


def test_age_and_round_trip_are_told_as_far_as_they_fit(streams: AppStreams) -> None:
    stream = opened(streams)
    assert (stream.facts(9.0).age_ms, stream.facts(9.0).rtt_us) == (0, None)
    streams.announced(stream, 7.0)
    assert isinstance(stream.mesh, Mesh)
    stream.mesh.rtt_s = 0.0125
    assert (stream.facts(9.5).age_ms, stream.facts(9.5).rtt_us) == (2500, 12_500)
    assert (stream.facts(6.0).age_ms, stream.facts(1e9).age_ms) == (0, NUMBER_MAX)
