from viscript.config.fault import Place
from viscript.config.tree import Entries, Scalar, join, plain, tree_of

HERE = Place("c.yaml", 1, 1)


def test_plain_data_survives_the_tree() -> None:
    data = {"a": [1, "x", None, True, {"b": 1.5}], "c": {}}
    assert plain(tree_of(data, HERE)) == data


def test_a_key_is_found_by_name() -> None:
    tree = tree_of({"a": 1}, HERE)
    assert isinstance(tree, Entries)
    entry = tree.get("a")
    assert entry is not None
    assert entry.value == Scalar(HERE, "1", 1)
    assert tree.get("b") is None


def test_paths_are_joined_with_dots() -> None:
    assert (join("a", "b"), join("", "b"), join("a", "")) == ("a.b", "b", "a")
