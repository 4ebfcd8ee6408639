import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.resume import ENTRY_SIZE, HEAD_SIZE, Flag, Resume, entries, read_resume
from components.visor.plane.unit import HEADER, Kind, read_head

Entries = dict[int, tuple[int, int]]
U64 = st.integers(0, (1 << 64) - 1)


def parts_of(resume: Resume, known: Entries, room: int) -> list[memoryview]:
    parts = []
    last = False
    while not last:
        into = memoryview(bytearray(room))
        size, last = resume.write(into, known.get)
        parts.append(into[:size])
    return parts


@given(
    known=st.dictionaries(st.integers(1, (1 << 24) - 1), st.tuples(U64, U64), max_size=50),
    room=st.integers(64, 500),
)
def test_all_entries_come_through_in_as_many_parts_as_it_takes(known: Entries, room: int) -> None:
    parts = parts_of(Resume(3, Flag.DEAD, 9, sorted(known, reverse=True)), known, room)
    read = [entry for part in parts for entry in entries(part[HEADER:])]
    assert read == [(id, *known[id]) for id in sorted(known)]
    assert all(read_head(part) == (Kind.RESUME, 0, 3) for part in parts)
    heads = [read_resume(part[HEADER:]) for part in parts]
    assert heads == [(Flag.DEAD, 9)] * (len(parts) - 1) + [(Flag.DEAD | Flag.LAST, 9)]


def test_a_stream_with_nothing_to_say_is_left_out() -> None:
    (part,) = parts_of(Resume(0, 0, 1, [6, 4, 2]), {2: (1, 1), 6: (3, 3)}, 200)
    assert [id for id, _, _ in entries(part[HEADER:])] == [2, 6]


def test_a_torn_entry_is_refused() -> None:
    for size in range(1, ENTRY_SIZE):
        with pytest.raises(UnitError, match="inside an entry"):
            list(entries(memoryview(bytes(HEAD_SIZE + size))))
    assert list(entries(memoryview(bytes(HEAD_SIZE)))) == []
