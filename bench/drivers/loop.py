"""The loop of a driver: one client, one request in flight, timed where it is sent.

A driver runs in the peer's own Python, so it imports nothing but the standard library and that peer.
A request is a line of JSON `{"op", "seconds", "most"}`: repeat `op` for so long or so often. The answer is a
line `{"done", "elapsed", "p50_us", "p95_us", "worst_us", "value", "error"}`, or `{"unsupported": true}`.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Operation = Callable[[], object]
MANY = 10**9


def serve(operations: Mapping[str, Operation]) -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        operation = operations.get(asked["op"])
        answer: dict[str, Any] = {"unsupported": True}  # Any: JSON
        if operation is not None:
            answer = repeat(operation, asked.get("seconds", 0.0), asked.get("most", MANY))
        print(json.dumps(answer), flush=True)


def repeat(operation: Operation, seconds: float, most: int) -> dict[str, Any]:
    """Do it at least once; a peer that fails ends the repetition and is reported."""
    times: list[float] = []
    value: object = None
    error = None
    begun = time.perf_counter()
    while True:
        before = time.perf_counter()
        try:
            value = operation()
        except Exception as exc:  # noqa: BLE001 (whatever a peer's library raises belongs in the report)
            error = f"{type(exc).__name__}: {exc}"[:200]
            break
        after = time.perf_counter()
        times.append((after - before) * 1e6)
        if len(times) >= most or after - begun >= seconds:
            break
    return {
        "done": len(times),
        "elapsed": time.perf_counter() - begun,
        "value": value,
        "error": error,
    } | _spread(times)


def _spread(times: list[float]) -> dict[str, float | None]:
    if not times:
        return {"p50_us": None, "p95_us": None, "worst_us": None}
    ordered = sorted(times)
    return {
        "p50_us": ordered[len(ordered) // 2],
        "p95_us": ordered[min(len(ordered) * 95 // 100, len(ordered) - 1)],
        "worst_us": ordered[-1],
    }


def settings() -> dict[str, Any]:
    """What the peer's adapter told this driver on the command line."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    return told
