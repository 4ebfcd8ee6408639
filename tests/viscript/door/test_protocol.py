import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.door import protocol
from viscript.door.protocol import (
    FRAME_MAX,
    BadFrame,
    Frame,
    Frames,
    Reply,
    Request,
    frame,
    is_interrupt,
    line,
    reply,
    request,
)
from viscript.errors import ExitCode, VerbError


def test_a_request_is_read_with_its_screen() -> None:
    found = request(b'{"v":1,"argv":["ping","7"],"cwd":"/x","tty":{"in":true,"columns":5},"mode":"repl"}')
    assert (found.argv, found.cwd, found.mode) == (("ping", "7"), "/x", "repl")
    assert found.tty.terminal().into
    assert found.tty.terminal().columns == 20


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"v":1}',
        b'{"argv":["a"],"script":"b"}',
        b'{"argv":"ping"}',
        b'{"argv":["a"],"mode":"x"}',
        b'{"argv":["\\ud800"]}',
        b'{"argv":["\xff"]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(VerbError) as caught:
        request(line)
    assert caught.value.code is ExitCode.USAGE


def test_another_version_is_told() -> None:
    with pytest.raises(VerbError, match="version 2"):
        request(b'{"v":2,"argv":["la"]}')


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    found: object
    try:
        found = request(data)
    except VerbError as exc:
        found = exc
    assert isinstance(found, Request | VerbError)
    assert is_interrupt(data) in (True, False)


def test_only_an_interrupt_interrupts() -> None:
    assert is_interrupt(b'{"i":1}\n')
    assert not is_interrupt(b'{"i":2}')
    assert not is_interrupt(b"nonsense")


FRAMES = st.lists(st.tuples(st.sampled_from(Frame), st.binary(max_size=50)), max_size=5)


@given(FRAMES, st.data())
def test_frames_survive_any_split(sent: list[tuple[Frame, bytes]], data: st.DataObject) -> None:
    stream = b"".join(frame(kind, payload) for kind, payload in sent)
    cut = data.draw(st.integers(min_value=0, max_value=len(stream)))
    frames = Frames()
    assert [*frames.feed(stream[:cut]), *frames.feed(stream[cut:])] == sent


def test_unknown_frames_are_passed_over() -> None:
    assert list(Frames().feed(b"\x63\0\0\0\x01x" + frame(Frame.DETACH))) == [(Frame.DETACH, b"")]


def test_a_frame_that_is_too_long_is_refused_by_its_head() -> None:
    with pytest.raises(BadFrame):
        list(Frames().feed(b"\x01\xff\xff\xff\xff"))


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    found: list[tuple[Frame, bytes]] = []
    try:
        found += Frames().feed(data)
    except BadFrame as exc:
        assert exc.text  # noqa: PT017 (either is right)
    assert all(len(payload) <= FRAME_MAX for _, payload in found)


def test_much_data_becomes_several_frames() -> None:
    data = bytes(range(256)) * 1024
    found = list(Frames().feed(protocol.data_frames(data)))
    assert b"".join(payload for _, payload in found) == data
    assert len(found) == 4


def test_a_size_is_four_bytes() -> None:
    assert protocol.window(b"\x00\x50\x00\x18") == (80, 24)
    with pytest.raises(BadFrame):
        protocol.window(b"\x00")


def test_the_end_tells_code_and_text() -> None:
    ((kind, payload),) = Frames().feed(protocol.end_frame(ExitCode.DONE, "gone"))
    assert kind is Frame.END
    assert json.loads(payload) == {"code": 0, "text": "gone"}


@pytest.mark.parametrize("text", ["yes", "", "\u00e4"])
def test_an_answer_is_read(text: str) -> None:
    assert reply(line({"r": text})) == Reply(text)


def test_no_answer_is_read_too() -> None:
    assert reply(b'{"r":null}') == Reply(None)


@given(st.binary(max_size=60))
def test_what_is_no_answer_is_none(data: bytes) -> None:
    assert reply(data) is None
