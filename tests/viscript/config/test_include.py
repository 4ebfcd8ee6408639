from viscript.config.fault import Place
from viscript.config.include import joined, patterns
from viscript.config.tree import Node, plain, tree_of


def tree(data: object, file: str = "a.yaml") -> Node:
    return tree_of(data, Place(file, 1, 1))


def test_patterns_are_the_words_of_the_list() -> None:
    assert [node.text for node in patterns(tree({"include": ["x", 5, "", None, "a\0b", "y"]}))] == ["x", "y"]
    assert list(patterns(tree({"include": "x"}))) == []
    assert list(patterns(tree(["include"]))) == []


def test_apps_of_both_are_in_the_result() -> None:
    both, faults = joined(tree({"apps": {"a": 1}, "store": "x"}), tree({"apps": {"b": 2}}, "b.yaml"))
    assert plain(both) == {"store": "x", "apps": {"a": 1, "b": 2}}
    assert not faults


def test_a_file_without_apps_may_include_some() -> None:
    for data in ({"include": ["x"]}, {"include": ["x"], "apps": None}):
        both, faults = joined(tree(data), tree({"apps": {"b": 2}}, "b.yaml"))
        assert plain(both) == {"include": ["x"], "apps": {"b": 2}}
        assert not faults


def test_nothing_adds_nothing() -> None:
    nothing: tuple[object, ...] = (None, {"apps": None})
    for data in nothing:
        main = tree({"apps": {"a": 1}})
        assert joined(main, tree(data)) == (main, [])


def test_what_is_no_apps_is_refused() -> None:
    wrong: tuple[object, ...] = ([], {"store": "x"}, {"apps": [1]})
    for data in wrong:
        _, faults = joined(tree({"apps": {}}), tree(data, "b.yaml"))
        assert [fault.file for fault in faults] == ["b.yaml"]
