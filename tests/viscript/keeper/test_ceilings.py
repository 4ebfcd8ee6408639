"""What the kernel is told to hold an app below."""

from viscript.keeper.ceilings import Ceilings, files_of


def test_a_ceiling_stands_a_quarter_above_its_limit() -> None:
    files = dict(files_of(Ceilings(memory=400, cpu=80.0, threads=100)))
    assert files == {
        "memory.max": "500",
        "memory.oom.group": "1",
        "cpu.max": "100000 100000",
        "pids.max": "125",
    }


def test_what_has_no_ceiling_is_lifted() -> None:
    files = dict(files_of(Ceilings()))
    assert files == {
        "memory.max": "max",
        "memory.oom.group": "0",
        "cpu.max": "max 100000",
        "pids.max": "max",
    }


def test_the_kernel_takes_no_quota_below_a_millisecond() -> None:
    assert dict(files_of(Ceilings(cpu=0.01)))["cpu.max"] == "1000 100000"
