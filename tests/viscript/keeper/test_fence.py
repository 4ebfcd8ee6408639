"""The file of a lease, and what is due when it was not kept."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper import fence, warden
from viscript.keeper.fence import (
    ASK,
    HOLDS,
    KILL,
    boottime,
    create,
    is_of_now,
    keep,
    kept_at,
    mark_asked,
    rung,
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = str(tmp_path / "lease")
    create(path)
    return path


def test_a_new_lease_was_never_kept(file: str) -> None:
    assert kept_at(file) == 0.0
    assert rung(kept_at(file), boottime()) == KILL


def test_what_was_kept_last_counts(file: str) -> None:
    keep(file, 100.0)
    keep(file, 103.5)
    assert kept_at(file) == 103.5


def test_a_mark_changes_nothing_of_what_was_kept(file: str) -> None:
    keep(file, 100.0)
    mark_asked(file, 100.0)
    assert kept_at(file) == 100.0
    assert struct.unpack(">ddd", Path(file).read_bytes()[:24]) == (100.0, 100.0, 100.0)


def test_a_file_that_is_gone_says_what_it_said(file: str) -> None:
    os.unlink(file)
    assert kept_at(file, before=7.0) == 7.0


@given(data=st.binary(max_size=40))
def test_foreign_bytes_never_prolong_a_lease_unless_both_copies_agree(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "foreign"
    path.write_bytes(data)
    kept = kept_at(str(path), before=5.0)
    assert kept == 5.0 or data[:8] == data[8:16]


def test_a_torn_write_is_passed_over(file: str) -> None:
    keep(file, 100.0)
    with open(file, "r+b") as torn:
        torn.write(struct.pack(">d", 300.0))
    assert kept_at(file, before=100.0) == 100.0


@pytest.mark.parametrize(
    "age,due", [(0.0, HOLDS), (5.99, HOLDS), (6.0, ASK), (7.99, ASK), (8.0, KILL), (1e6, KILL), (-0.1, KILL)]
)
def test_what_is_due_depends_on_the_age_alone(age: float, due: str) -> None:
    assert rung(1000.0, 1000.0 + age) == due


def test_all_is_over_before_the_lease_can_end() -> None:
    assert fence.ASK_S < warden.ASK_S < fence.KILL_S < fence.LEASE_S


def test_the_warden_reads_the_same_layout(file: str) -> None:
    keep(file, 100.0)
    mark_asked(file, 100.0)
    lease = warden.Lease(file)
    lease.age()
    assert (lease.kept, lease.asked) == (100.0, 100.0)
    assert (warden.KILL_S, warden.CLOCK) == (fence.KILL_S, fence._CLOCK)


def test_a_file_of_another_start_of_the_host_is_told_from_ours(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(file, 100.0)
    assert is_of_now(file)
    monkeypatch.setattr(fence, "_BOOT_FILE", str(Path(file).parent / "none"))
    assert not is_of_now(file)
    create(file)
    assert is_of_now(file)
    os.unlink(file)
    assert not is_of_now(file)
