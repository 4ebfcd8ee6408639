"""Preparing peers."""

from bench.install import relative


def test_s6_looks_for_its_supervisor_on_the_path_and_keeps_its_length() -> None:
    program = b"\x7fELF\0/usr/bin/s6-supervise\0rest"
    changed = relative(program)
    assert len(changed) == len(program)
    assert changed.startswith(b"\x7fELF\0s6-supervise\0\0")
    assert changed.endswith(b"\0rest")


def test_a_program_that_looks_there_already_stays() -> None:
    assert relative(b"s6-supervise\0rest") == b"s6-supervise\0rest"
