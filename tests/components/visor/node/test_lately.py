from components.visor.node.lately import Lately


def test_an_answer_serves_for_a_moment_only() -> None:
    lately: Lately[str, int] = Lately(1.0, 8)
    assert lately.get("a", 100.0) is None
    lately.put("a", 7, 100.0)
    assert lately.get("a", 100.9) == 7
    assert lately.get("a", 101.0) is None


def test_the_oldest_of_too_many_is_forgotten() -> None:
    lately: Lately[int, int] = Lately(1.0, 2)
    for number in (1, 2, 1, 3):
        lately.put(number, number, 0.0)
    assert [lately.get(number, 0.5) for number in (1, 2, 3)] == [1, None, 3]
    assert len(lately) == 2


def test_nothing_serves_after_it_was_cleared() -> None:
    lately: Lately[str, int] = Lately(1.0, 8)
    lately.put("a", 7, 100.0)
    lately.clear()
    assert lately.get("a", 100.0) is None
