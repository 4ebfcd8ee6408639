import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from viscript.keeper.segments import INDEX_RECORD
from viscript.logs.index import Index


def made(path: Path, records: list[tuple[int, int]], tail: bytes = b"") -> Index:
    path.write_bytes(b"".join(INDEX_RECORD.pack(*record) for record in records) + tail)
    return Index(str(path))


def test_a_byte_has_the_time_of_its_block(tmp_path: Path) -> None:
    index = made(tmp_path / "i", [(10, 100), (20, 200), (30, 300)])
    assert [index.time_of(end) for end in (1, 10, 11, 20, 30)] == [100, 100, 200, 200, 300]
    assert index.time_of(31) is None
    assert index.time_of(5) == 100  # going back is allowed
    index.close()


def test_a_long_index_is_searched_not_walked(tmp_path: Path) -> None:
    index = made(tmp_path / "i", [(number * 10, number) for number in range(1, 5001)])
    assert index.time_of(49_995) == 5000
    assert index.time_of(15) == 2
    assert [index.time_of(end) for end in range(10, 50_001, 10)] == list(range(1, 5001))
    index.close()


def test_records_written_meanwhile_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "i"
    index = made(path, [(10, 100)], tail=b"torn")
    assert index.time_of(20) is None
    path.write_bytes(INDEX_RECORD.pack(10, 100) + INDEX_RECORD.pack(20, 200))
    assert index.time_of(20) == 200
    index.close()


def test_the_first_block_since_a_time(tmp_path: Path) -> None:
    index = made(tmp_path / "i", [(10, 100), (20, 200), (30, 300)])
    assert [index.start_since(time) for time in (0, 100, 101, 200, 300, 301)] == [0, 0, 10, 10, 20, 30]
    index.close()


def test_a_missing_index_knows_nothing(tmp_path: Path) -> None:
    index = Index(str(tmp_path / "none"))
    assert index.time_of(5) is None
    assert index.start_since(5) == 0
    index.close()


def test_a_folder_in_its_place_knows_nothing(tmp_path: Path) -> None:
    index = Index(str(tmp_path))
    assert index.time_of(5) is None
    assert index.start_since(5) == 0
    index.close()


def test_a_hole_in_the_index_is_not_known(tmp_path: Path) -> None:
    index = made(tmp_path / "i", [(10, 0), (20, 200)])
    assert index.time_of(5) is None
    assert index.time_of(15) == 200
    index.close()


@given(st.binary(max_size=600), st.integers(0, 1 << 64), st.integers(0, 1 << 64))
def test_garbage_never_raises(data: bytes, end: int, time: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        index = Index(file.name)
        index.time_of(end)
        index.time_of(end // 2)
        assert index.start_since(time) >= 0
        index.close()
