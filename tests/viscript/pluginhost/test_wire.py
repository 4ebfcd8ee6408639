"""The lines between daemon and worker: round trip, and nothing but WireError for what is none."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.events import Event
from viscript.pluginhost import wire
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import AppSpec, Registration, VerbSpec
from viscript.verbs.table import Arg, Option

EVENT = Event(cursor=1, time=2.0, host="h", object="app/7", type="exited", data={"code": 1})

TO_WORKER: list[wire.ToWorker] = [
    wire.Load(source=Source(kind="file", name="a", target="a.py", stamp=(1, 2, 3)), settings={"a": [1]}),
    wire.Invoke(id=1, what="verb", text="v", call=wire.CallData(args={"a": 1, "b": None})),
    wire.Invoke(id=2, what="viscript_doctor"),
    wire.Tell(id=3, events=(EVENT,)),
    wire.Cancel(id=1),
    wire.Reply(re=1, value={"x": 1}),
    wire.Reply(re=1, trouble=wire.Trouble(text="no", code=5, suggestions=("a",))),
]
FROM_WORKER: list[wire.FromWorker] = [
    wire.LoadedOk(
        registration=Registration(
            hooks=("viscript_event",),
            apps=(AppSpec(name="a", argv=("x",)),),
            verbs=(
                VerbSpec(
                    name="v", summary="s", args=(Arg(name="a"),), options=(Option(flags=("-x",), name="x"),)
                ),
            ),
        )
    ),
    wire.Broken(trouble=wire.Trouble(text="no", raised=True, traceback="...")),
    wire.Ask(re=1, id=2, what="run", value=["la"]),
    wire.Done(re=1, value=[1, {"a": None}]),
]


@pytest.mark.parametrize("message", TO_WORKER, ids=lambda one: type(one).__name__)
def test_the_way_to_the_worker_round_trips(message: wire.ToWorker) -> None:
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode_to_worker(line) == message


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda one: type(one).__name__)
def test_the_way_from_the_worker_round_trips(message: wire.FromWorker) -> None:
    assert wire.decode_from_worker(wire.encode(message)) == message


@pytest.mark.parametrize("decode", [wire.decode_to_worker, wire.decode_from_worker])
def test_every_truncation_is_a_wire_error(decode: Callable[[bytes], object]) -> None:
    for message in (*TO_WORKER, *FROM_WORKER):
        line = wire.encode(message)
        for cut in range(len(line) - 1):
            with pytest.raises(wire.WireError):
                decode(line[:cut])


@given(
    data=st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: repr(value).encode())
)
def test_random_bytes_are_a_wire_error(data: bytes) -> None:
    for decode in (wire.decode_to_worker, wire.decode_from_worker):
        with pytest.raises(wire.WireError):
            decode(data)


def test_deep_nesting_is_a_wire_error() -> None:
    with pytest.raises(wire.WireError):
        wire.decode_from_worker(b'{"t":"done","re":1,"value":' + b"[" * 100_000)


def test_what_is_no_plain_data_is_refused() -> None:
    with pytest.raises(wire.WireError, match="not plain data"):
        wire.encode(wire.Done(re=1, value=object()))
