import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.diagnose.locks import Lock, parse_locks, pid_in

TABLE = """1: FLOCK  ADVISORY  WRITE 1234 fe:01:777 0 EOF
2: POSIX  ADVISORY  READ  99 00:1c:5 128 128
2: -> POSIX  ADVISORY  WRITE 100 00:1c:5 128 128
3: LEASE  ACTIVE    READ  7 <none>:0 0 EOF
"""


def test_locks_that_are_held_are_told() -> None:
    assert list(parse_locks(TABLE)) == [
        Lock(1234, os.makedev(0xFE, 1), 777),
        Lock(99, os.makedev(0, 0x1C), 5),
    ]


@given(st.text(max_size=200))
def test_garbage_gives_no_locks(text: str) -> None:
    list(parse_locks(text))


@pytest.mark.parametrize(
    "content, pid",
    [
        (b"1234\n", 1234),
        (b" 12 \nmore", 12),
        (b"", None),
        (b"0", None),
        (b"-5", None),
        (b"pid 5", None),
        (b"9" * 30, None),
    ],
)
def test_a_pid_file_holds_a_pid_alone(content: bytes, pid: int | None) -> None:
    assert pid_in(content) == pid
