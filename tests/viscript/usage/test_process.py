import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.usage.process import PAGE_BYTES, TICKS_A_SECOND, parse_io, parse_pss, parse_stat, parse_uss

LINE = b"42 (%s) S 7 42 41 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 3 0 9900 1000 12 18446744073709551615 1 1\n"


def test_a_line_gives_the_figures() -> None:
    process = parse_stat(LINE % b"sleep")
    assert process is not None
    assert (process.pid, process.ppid, process.session, process.threads) == (42, 7, 41, 3)
    assert process.cpu_seconds == pytest.approx(300 / TICKS_A_SECOND)
    assert process.started == pytest.approx(9900 / TICKS_A_SECOND)
    assert process.rss_bytes == 12 * PAGE_BYTES


@pytest.mark.parametrize("name", [b"a b", b") 1 2 3 (", b"((", b"", b"\xff\n"])
def test_the_name_may_hold_anything(name: bytes) -> None:
    process = parse_stat(LINE % name)
    assert process is not None
    assert process.ppid == 7


def test_our_own_line_is_understood() -> None:
    process = parse_stat(Path("/proc/self/stat").read_bytes())
    assert process is not None
    assert (process.pid, process.ppid) == (os.getpid(), os.getppid())


def test_a_cut_line_gives_nothing_or_the_same() -> None:
    line = LINE % b"sleep"
    whole = parse_stat(line)
    enough = line.index(b" 12 ") + 4
    for cut in range(len(line)):
        process = parse_stat(line[:cut])
        assert process is None or cut >= enough - 2
        if cut >= enough:
            assert process == whole


@given(st.binary(max_size=300))
def test_random_bytes_never_raise(data: bytes) -> None:
    parse_stat(data)
    parse_uss(data)
    parse_io(data)


def test_private_pages_are_summed() -> None:
    text = b"00-ff ---p 0 0 0 [rollup]\nPrivate_Clean:  4 kB\nPrivate_Dirty: 8 kB\nPrivate_Hugetlb: 0 kB\n"
    assert parse_uss(text) == 12 * 1024
    assert parse_uss(b"") is None


def test_storage_counters_are_found_by_name() -> None:
    assert parse_io(b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n") == (4096, 8192)
    assert parse_io(b"") == (None, None)


def test_the_share_of_memory_is_read() -> None:
    assert parse_pss(b"Rss: 100 kB\nPss:   12 kB\nPss_Dirty: 5 kB\n") == 12 * 1024
    assert parse_pss(b"") is None
    assert parse_pss(b"Pss:\n") is None
