from tests.support.far_hosts import key_of
from viscript.cluster.far.remembered import LONGEST, MOST, Old, Remembered

M1, M2 = key_of("m1"), key_of("m2")


def test_the_newest_answer_of_a_host_to_a_command_is_kept() -> None:
    remembered = Remembered()
    remembered.keep(M1, ("la",), "a", 1.0)
    remembered.keep(M1, ("la",), "b", 2.0)
    remembered.keep(M2, ("la",), "c", 3.0)
    assert remembered.find(M1, ("la",)) == Old(2.0, "b")
    assert remembered.find(M1, ("ru",)) is None


def test_a_long_answer_is_not_kept_and_nor_is_the_one_before() -> None:
    remembered = Remembered()
    remembered.keep(M1, ("la",), "a", 1.0)
    remembered.keep(M1, ("la",), "x" * (LONGEST + 1), 2.0)
    assert remembered.find(M1, ("la",)) is None


def test_what_was_not_used_longest_goes_first() -> None:
    remembered = Remembered()
    for number in range(MOST):
        remembered.keep(M1, (str(number),), "", 0.0)
    assert remembered.find(M1, ("0",)) is not None
    remembered.keep(M2, ("la",), "", 0.0)
    assert remembered.find(M1, ("1",)) is None
    assert remembered.find(M1, ("0",)) is not None
