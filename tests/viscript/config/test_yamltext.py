import pytest
import yaml

from viscript.config import yamltext
from viscript.config.fault import BadConfig, Place
from viscript.config.tree import Entries, plain
from viscript.config.yamltext import MAX_DEPTH, parse_tree, place_in


def refused(text: str) -> str:
    with pytest.raises(BadConfig) as caught:
        parse_tree(text, "c.yaml")
    assert len(caught.value.faults) == 1
    return str(caught.value)


def test_every_key_knows_its_place() -> None:
    tree, faults = parse_tree("a:\n  bü: [x]\n", "c.yaml")
    assert not faults
    assert isinstance(tree, Entries)
    inner = tree.entries[0].value
    assert isinstance(inner, Entries)
    assert inner.entries[0].place == Place("c.yaml", 2, 3)
    assert inner.entries[0].value.place == Place("c.yaml", 2, 7)


def test_a_quoted_scalar_is_text() -> None:
    tree, _ = parse_tree("[\"1\", 'true', 1, !!str 2]", "c.yaml")
    assert plain(tree) == ["1", "true", 1, "2"]


def test_an_empty_text_is_nothing() -> None:
    assert plain(parse_tree("# comment\n", "c.yaml")[0]) is None


def test_keys_written_out_win_over_merged_ones_and_earlier_merges_over_later() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], a: 0}\n"
    tree, faults = parse_tree(text, "c.yaml")
    assert not faults
    assert plain(tree) == {"x": {"a": 1, "b": 1}, "y": {"b": 2, "c": 2}, "z": {"a": 0, "b": 1, "c": 2}}


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    assert refused("a: &a [*a]\n") == "c.yaml:1:8: alias *a stands for nothing before it"


def test_depth_counts_what_aliases_write_out() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 1)]
    assert "nested deeper" in refused("\n".join(lines))


def test_a_bomb_of_aliases_is_refused_before_it_is_written_out() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "aliases written out" in refused("\n".join(lines))


def test_brackets_without_end_are_refused_quickly() -> None:
    assert "nested deeper" in refused("[" * 100_000)


def test_a_text_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltext, "MAX_TEXT_BYTES", 3)
    assert "larger than" in refused("a: b")


def test_the_slow_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, 'two', ~]}\nc: {<<: *x}\nd: |\n  text\n"
    fast = parse_tree(text, "c.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert parse_tree(text, "c.yaml") == fast


def test_places_count_every_kind_of_line_end() -> None:
    assert place_in("a\r\nb\rc\nde", 8, "f") == Place("f", 4, 2)
