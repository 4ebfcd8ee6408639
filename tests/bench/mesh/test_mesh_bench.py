"""The mesh's bench: its orders, its rows, and one real path of processes."""

import socket

import pytest

from bench.mesh import floors
from bench.mesh.__main__ import arguments
from bench.mesh.layout import cable, ends, identities, middle
from bench.mesh.measure import Flow, bulk, echo, half_closes
from bench.mesh.metrics import HOP, IPERF, METRICS
from bench.mesh.pipes import Alone
from bench.mesh.rows import QUICK, ROWS, of_flow
from bench.metrics import FLOOR
from bench.results import OURS, Sample, rows
from components.mesh.errors import Unreachable
from components.visor.groups.path import Policy


def test_the_rules_of_a_path_fit_each_other() -> None:
    left, right = cable(3, 4), cable(5, 6)
    between = middle(left, right)
    first, last = ends([[left, right]], (7,), (8,))
    ((before, after),) = between.routes
    assert (first.routes[0][0].out_id, last.routes[0][0].in_id) == (before.in_id, after.out_id)
    assert (first.routes[0][0].in_id, last.routes[0][0].out_id) == (before.out_id, after.in_id)
    assert first.links[0].seal == between.links[0].open
    assert last.links[0].open == between.links[1].seal


def test_both_ends_name_each_other() -> None:
    first, last = ends([[cable(3, 4)]], (), ())
    assert first.group is not None
    assert last.group is not None
    (near, far), (own, peer) = identities(first.group), identities(last.group)
    assert (near.public_key, far.public_key) == (peer.public_key, own.public_key)


def test_the_floor_counts_each_socket_and_each_pass() -> None:
    assert floors.sum_of_floors(0, 1.0, 10.0, 100.0) == 20 + 1 + 400
    assert floors.sum_of_floors(2, 1.0, 10.0, 100.0) == 20 + 3 + 800


def test_a_transfer_gives_the_mean_of_the_nodes_between() -> None:
    flow = Flow(500.0, {"first": 0.5, "middle 1.1": 0.2, "middle 1.2": 0.4, "last": 0.3, "sink": 0.1})
    figures = {one.metric: one.value for one in of_flow(2, flow)}
    assert figures["middle_cpu_s_per_gb"] == pytest.approx(0.3)
    assert figures["cpu_s_per_gb"] == pytest.approx(1.5)
    assert figures["last_cpu_s_per_gb"] == 0.3


def test_bounds_are_shares_of_what_was_measured_beside() -> None:
    samples = [
        Sample("bulk_mb_per_s", 0, OURS, 400.0),
        Sample("bulk_mb_per_s", 0, IPERF, 1000.0),
        Sample("cpu_s_per_gb", 0, OURS, 1.3),
        Sample("cpu_s_per_gb", 0, FLOOR, 1.0),
        Sample("middle_cpu_s_per_gb", 1, OURS, 1.3),
        Sample("middle_cpu_s_per_gb", 1, HOP, 1.0),
    ]
    found = {row.metric.name: row.bounds for row in rows(samples, METRICS)}
    assert found["bulk_mb_per_s"] == ((">= 0.35x iperf3", True),)
    assert found["cpu_s_per_gb"] == (("<= 1.25x floor", False),)
    assert found["middle_cpu_s_per_gb"] == (("<= 1.4x raw TCP hop", True),)


def test_rows_are_chosen_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments([]).only == tuple(row for row in ROWS if row != "leak-hour")
    assert arguments(["--only", "leak-hour"]).only == ("leak-hour",)
    assert arguments(["--only", "many,bulk"]).only == ("bulk", "many")
    with pytest.raises(SystemExit) as ended:
        arguments(["--only", "fly"])
    assert ended.value.code == 2
    assert "no such row: fly" in capsys.readouterr().err


def test_a_path_of_processes_carries_bulk_and_echoes() -> None:
    flow = bulk(1, 0.1)
    assert flow.mb_per_s > 0
    assert {"first", "middle 1.1", "last", "source", "sink"} == flow.cpu.keys()
    assert len(echo(0, 20)) == 18


def test_bytes_go_through_a_messengers_pipe() -> None:
    flow = bulk(0, 0.1, relayed=True)
    assert flow.mb_per_s > 0
    assert any(name.startswith("relay") for name in flow.cpu)


def test_the_end_of_one_direction_comes_to_the_far_end() -> None:
    taken = half_closes(1, 3)
    assert len(taken) == 3
    assert min(taken) > 0


def test_bytes_go_through_two_pipe_hosts() -> None:
    (sample,) = ROWS["pipe"](QUICK._replace(seconds=0.2))
    assert (sample.metric, sample.n) == ("pipe_mb_per_s", 0)
    assert sample.value > 0


async def test_a_visor_alone_reaches_nobody() -> None:
    alone = Alone()
    one, other = socket.socketpair()
    with one, pytest.raises(Unreachable, match="alone"):
        await alone.dial(alone.key, 7, 1, Policy(), other, print)
    assert not alone.message(alone.key, 7, 1, Policy(), b"")
