"""Trials of output: a flood stalls nobody, rotation loses no line, clients that never read cost nothing."""

import time
from contextlib import ExitStack
from pathlib import Path

from viscript.prove.asking import knock, request
from viscript.prove.programs import FLOOD, NUMBERED, WITNESS, program
from viscript.prove.stage import Stage
from viscript.prove.stopping import LOOKS, UNNOTICED_S, quantile
from viscript.prove.verdict import Figures, Proof, expect

LINE_BYTES = 9
ROTATIONS = 5
MOST_GROWTH_BYTES = 32 << 20
MOST_STALL_S = 0.5


def complete(data: bytes) -> int:
    """How many numbered lines there are. Raises `BrokenPromise` at the first lost, doubled or torn one."""
    lines = data.split(b"\n")[:-1]  # the last may be under way
    for number, line in enumerate(lines):
        expect(
            line == b"%08d" % number, f"line {number} of {len(lines)} reads {line[:20]!r}", lines=len(lines)
        )
    return len(lines)


def flood(stage: Stage) -> Proof:
    """An app writes as fast as it can with nobody attached: it never waits for long, memory stays bounded."""
    root, mib = str(stage.root), stage.pace.flood_mib
    tally = stage.root / "tally"
    flooding = program(FLOOD, root, mib, settle=0, output={"max_bytes": "8MiB", "backups": 2})
    stage.open({"flood": flooding, "witness": program(WITNESS, root, tally)})
    stage.done("s", "witness")
    before = _memory(stage)
    begin = time.monotonic()
    seq = stage.done("s", "flood", "--no-wait", "-o", "json").json()["id"]
    peak = before

    def over() -> bool:
        nonlocal peak
        peak = max(peak, _memory(stage))
        return bool(stage.row(seq)["state"] == "done")

    stage.until(over, f"{mib} MiB are taken", 10 + mib / 16)
    seconds = time.monotonic() - begin
    written, longest = tallied(tally)
    figures = {
        "bytes": float(mib << 20),
        "bytes_per_second": (mib << 20) / seconds,
        "growth_bytes": peak - before,
        "neighbour_lines": written,
        "neighbour_stall_seconds": longest,
    }
    stall = MOST_STALL_S * stage.pace.patience
    expect(longest < stall, f"a neighbour's write took {longest:.2f} s meanwhile", **figures)
    grown = peak - before
    expect(grown < MOST_GROWTH_BYTES, f"daemon and keeper grew by {grown >> 20} MiB", **figures)
    speed = (mib << 20) / seconds / 1e6
    return Proof(f"{mib} MiB at {speed:.0f} MB/s; daemon and keeper grew by {grown / 1e6:.1f} MB", figures)


def tallied(tally: Path) -> tuple[int, float]:
    """What a witness says: lines written, and the longest time one write took."""
    words = tally.read_text().split() if tally.exists() else []
    return (int(words[0]), float(words[1])) if len(words) == 2 else (0, 0.0)


def _memory(stage: Stage) -> int:
    return int(stage.daemon().memory_info().rss + stage.keeper().memory_info().rss)


def rotation(stage: Stage) -> Proof:
    """Numbered lines through several rotations: each is there, once, in order."""
    count = stage.pace.lines
    size = count * LINE_BYTES // (ROTATIONS + 1)
    output = {"max_bytes": size, "backups": 2 * ROTATIONS + 2}
    stage.open({"lines": program(NUMBERED, str(stage.root), count, 0, settle=0, output=output)})
    stage.done("s", "lines", "--no-wait")
    stage.until(lambda: stage.row()["state"] == "done", "all lines are written", 30)
    stage.until(lambda: len(stage.output("lines")) >= count * LINE_BYTES, "all lines are kept", 10)
    found = complete(stage.output("lines"))
    files = len(stage.segments("lines"))
    figures: Figures = {"lines": found, "files": files}
    expect(found == count, f"{found} of {count} lines are there", **figures)
    expect(files > ROTATIONS, f"{count} lines went into {files} files only", **figures)
    return Proof(f"{found} lines through {files - 1} rotations, each once and in order", figures)


def cut(stage: Stage) -> Proof:
    """Clients that never read, say half a word or are cut off: others are served, nothing piles up."""
    root, count = str(stage.root), stage.pace.silent_clients
    output = {"max_bytes": "8MiB", "backups": 2}
    stage.open({"talker": program(NUMBERED, root, 0, 0.0002, output=output)})
    stage.done("s", "talker")
    idle = quantile([_look(stage) for _ in range(LOOKS)])
    daemon = stage.daemon()
    descriptors, memory = daemon.num_fds(), daemon.memory_info().rss
    with ExitStack() as held:
        for number in range(count):
            silent = held.enter_context(knock(stage.home.verbs_socket))
            silent.sendall(_WAYS[number % len(_WAYS)])
        stage.until(lambda: _look(stage) < UNNOTICED_S, "what the silent clients could take is served")
        busy = quantile([_look(stage) for _ in range(LOOKS)])
    stage.until(lambda: daemon.num_fds() <= descriptors + 2, "the descriptors of the cut are closed")
    grown = daemon.memory_info().rss - memory
    figures = {
        "clients": count,
        "idle_p99_seconds": idle,
        "busy_p99_seconds": busy,
        "growth_bytes": max(grown, 0),
    }
    expect(stage.daemon().pid == daemon.pid, "the daemon is another one", **figures)
    most = max(2 * idle, UNNOTICED_S * stage.pace.patience)
    expect(busy <= most, f"`la` took {busy * 1000:.0f} ms beside {count} silent clients", **figures)
    expect(grown < MOST_GROWTH_BYTES, f"the daemon grew by {grown >> 20} MiB", **figures)
    return Proof(f"{count} clients that never read; `la` took {busy * 1000:.1f} ms", figures)


# What such a client says before it falls silent.
_WAYS = (
    request(argv=["log", "-f", "-n", "30000", "1"]),
    request(argv=["events", "-f", "-o", "jsonl"]),
    request(subscribe={"cursor": None}),
    request(argv=["log", "-n", "30000", "1"]),
    request(argv=["wait", "1", "--for", "stopped"]),
    b'{"v":1,"argv":["la"',
    b"",
    b"\x00\xff not a request\n",
)


def _look(stage: Stage) -> float:
    begin = time.perf_counter()
    stage.done("la", "-o", "json")
    return time.perf_counter() - begin
