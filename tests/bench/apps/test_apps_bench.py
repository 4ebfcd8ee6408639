"""The apps' bench: its command line, its rows, and what a program does at a proxy."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.apps import __main__ as command
from bench.apps.part import QUICK
from bench.apps.parts import METRICS, PARTS, ROWS
from bench.apps.program import connected, get, half_close
from bench.apps.programs import Programs, cpu_s, installed
from bench.apps.proxies import _run_folder, microsocks, pproxy, sshd
from bench.apps.socks import RELAY
from bench.mesh.faults.program import Trouble
from bench.ports import free_port
from bench.results import OURS, Failure, Sample, rows


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with Programs(tmp_path) as made:
        yield made


def test_rows_are_chosen_by_name_and_all_are_measured_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.BENCH.arguments(["--quick"]).rows == []
    assert command.BENCH.arguments(["socks-get"]).rows == ["socks-get"]
    with pytest.raises(SystemExit):
        command.BENCH.arguments(["fly"])
    assert "no such row: fly" in capsys.readouterr().err


def test_each_row_and_figure_has_one_part() -> None:
    assert len(ROWS) == sum(len(part.rows) for part in PARTS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_a_row_that_fails_is_told_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(size: object) -> Iterator[Sample]:
        yield Sample("socks_mb_per_s", 0, OURS, 1.0)
        raise Trouble("it rained")

    monkeypatch.setitem(ROWS, "socks-get", broken)
    failures: list[Failure] = []
    command.BENCH.measure("socks-get", QUICK, [], failures)
    assert [failure.why for failure in failures] == ["Trouble: it rained"]


def test_a_share_is_held_against_its_bound() -> None:
    samples = [Sample("socks_relay_share", 0, OURS, 0.5), Sample("socks_mb_per_s", 0, RELAY, 5.0)]
    kept = {row.metric.name: row.bounds for row in rows(samples, METRICS)}
    assert kept["socks_relay_share"] == ((">= 0.75", False),)


def test_a_download_and_an_end_pass_a_proxy(programs: Programs) -> None:
    target = free_port()
    programs.module("web", "bench.apps.web", str(target))
    proxy = pproxy(programs)
    assert get(0, target, 5_000_000) > 0
    assert get(proxy.port, target, 5_000_000) > 0
    assert get(proxy.port, target, 10) > 0
    assert cpu_s(*proxy.pids) > 0
    assert half_close(0) < 60


def test_a_program_that_is_not_there_is_told(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs.folder))
    with pytest.raises(Trouble, match=r"microsocks is not installed .*apt-get install microsocks"):
        microsocks(programs)


@pytest.mark.parametrize("program, package", [("/nowhere/sshd", "openssh-server"), ("tincd-9", "tincd-9")])
def test_what_is_missing_is_named_with_its_package(program: str, package: str) -> None:
    with pytest.raises(Trouble, match=rf"is not installed \(.*apt-get install {package}\)"):
        installed(program)


def test_a_folder_for_sshd_stays_until_its_programs_end(tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    with Programs(tmp_path) as programs:
        programs.inside(_run_folder(folder))
        assert folder.is_dir()
    assert not folder.exists()


def test_a_folder_for_sshd_that_was_there_stays(tmp_path: Path) -> None:
    with Programs(tmp_path) as programs:
        programs.inside(_run_folder(tmp_path))
    assert tmp_path.is_dir()


def test_a_connection_long_after_its_start_gets_into_sshd(programs: Programs) -> None:
    made = sshd(programs)
    for _ in range(2):
        done = subprocess.run(["ssh", *made.words, "echo", "in"], capture_output=True, text=True, timeout=60)
        assert done.stdout == "in\n", done.stderr


def test_a_proxy_that_refuses_is_told() -> None:
    refusal = b"\x05\x00\x05\x05\x00\x01" + bytes(6)
    for answer, text in ((b"\x05\xff", "password"), (refusal, "refuses"), (b"\x05", "ended too early")):
        port, thread = served(answer)
        with pytest.raises(OSError, match=text):
            connected(port, 9)
        thread.join(10)


def served(answer: bytes) -> tuple[int, threading.Thread]:
    """A port whose first connection is answered so."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server:
            sock, _ = server.accept()
            with sock:
                sock.recv(100)
                sock.sendall(answer)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(100):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    return server.getsockname()[1], thread
