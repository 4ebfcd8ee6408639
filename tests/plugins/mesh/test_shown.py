"""Keys, sizes and times as people read them."""

import pytest

from plugins.mesh import shown


@pytest.mark.parametrize(
    "count, told",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5_000_000, "4.8 MiB"), (2**50, "1024.0 TiB")],
)
def test_a_size_has_a_unit(count: int, told: str) -> None:
    assert shown.size(count) == told


@pytest.mark.parametrize("value, told", [(None, "-"), (0.0012, "1.2 ms"), (0, "0.0 ms"), (12.5, "12 s")])
def test_a_time_has_a_unit(value: float | None, told: str) -> None:
    assert shown.seconds(value) == told


def test_a_peer_without_a_label_is_its_short_key() -> None:
    assert shown.name({"label": "", "public_key": "0123456789abcdef"}) == "0123456789ab"
    assert shown.name({"label": "mike", "public_key": "0123"}) == "mike"


def test_columns_are_as_wide_as_their_longest_text() -> None:
    rows: list[shown.Row] = [{"a": "x", "b": None}, {"a": "longer", "b": 2}]
    text = shown.table(rows, [("a", shown.field("a")), ("b", shown.field("b"))])
    assert text == "A       B\nx       -\nlonger  2\n"


def test_a_way_is_told_hop_by_hop_only_where_there_are_several() -> None:
    assert shown.way({"path": "direct", "hop_names": ["mike"], "latencies_seconds": [0.001]}) == "direct"
    assert shown.way({"path": "dialled by it", "hop_names": [], "latencies_seconds": []}) == "dialled by it"
    two = {"path": "by mike", "hop_names": ["mike", "joe"], "latencies_seconds": [0.001, None]}
    assert shown.way(two) == "mike 1.0 ms > joe"
