"""The loop of a driver."""

import io
import json
import sys

import pytest

from bench.drivers.loop import repeat, serve
from bench.driving import DriverError, timed


def test_an_operation_is_repeated_so_often() -> None:
    calls: list[int] = []
    answer = repeat(lambda: calls.append(1), seconds=60.0, most=3)
    assert len(calls) == answer["done"] == 3
    assert answer["error"] is None
    assert answer["p50_us"] <= answer["p95_us"] <= answer["worst_us"]


def test_it_is_done_at_least_once_and_its_value_told() -> None:
    answer = repeat(lambda: 7, seconds=0.0, most=100)
    assert (answer["done"], answer["value"]) == (1, 7)


def test_a_peer_that_fails_ends_the_repetition() -> None:
    answer = repeat(lambda: 1 / 0, seconds=1.0, most=100)
    assert answer["done"] == 0
    assert answer["error"] == "ZeroDivisionError: division by zero"
    with pytest.raises(DriverError, match="ping: ZeroDivisionError"):
        timed("ping", answer)


def test_requests_are_answered_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = '{"op":"ping","seconds":0,"most":2}\n{"op":"fly"}\n'
    monkeypatch.setattr(sys, "stdin", io.StringIO(requests))
    serve({"ping": lambda: "pong"})
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    found = timed("ping", first)
    assert found is not None
    assert found.value == "pong"
    assert found.per_second > 0
    assert timed("fly", second) is None
