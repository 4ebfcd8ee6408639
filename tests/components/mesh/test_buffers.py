import resource
from pathlib import Path

from components.mesh.buffers import blank


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_buffer_is_blank_and_can_be_written() -> None:
    buffer = blank(100_000)
    assert (len(buffer), bytes(buffer)) == (100_000, bytes(100_000))
    buffer[5:8] = b"abc"
    assert bytes(buffer[4:9]) == b"\0abc\0"
    assert not buffer.readonly


def test_it_takes_memory_only_where_it_is_written() -> None:
    before = resident()
    buffer = blank(64 << 20)
    buffer[-1] = 1
    assert resident() - before < 8 << 20
