"""The three words, and what binds both sides to them."""

from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.pairing.words import COUNT, are_same, commit, is_committed, words

nonces = st.binary(min_size=32, max_size=32)


@given(nonces, nonces, nonces)
def test_three_words_come_of_a_handshake_and_both_numbers(hashed: bytes, one: bytes, two: bytes) -> None:
    found = words(hashed, one, two)
    assert len(found.split()) == COUNT
    assert found == words(hashed, one, two)


def test_each_part_changes_the_words() -> None:
    base = (b"\0" * 32, b"\1" * 32, b"\2" * 32)
    changed = {words(*base)}
    for at in range(3):
        parts = list(base)
        parts[at] = b"\3" * 32
        changed.add(words(*parts))
    assert len(changed) == 4


def test_the_two_numbers_do_not_change_places() -> None:
    assert words(b"h" * 32, b"a" * 32, b"b" * 32) != words(b"h" * 32, b"b" * 32, b"a" * 32)


def test_a_commitment_holds_for_its_number_and_its_handshake_only() -> None:
    bound = commit(b"h" * 32, b"n" * 32)
    assert is_committed(bound, b"h" * 32, b"n" * 32)
    assert not is_committed(bound, b"h" * 32, b"m" * 32)
    assert not is_committed(bound, b"i" * 32, b"n" * 32)


def test_words_are_the_same_however_they_are_written() -> None:
    assert are_same("LUSAB  babad-gutih", "lusab babad gutih")
    assert are_same("lusab, babad, gutih", "lusab babad gutih")
    assert not are_same("lusab babad", "lusab babad gutih")
    assert not are_same("", "lusab babad gutih")
    assert not are_same("lus\u00e4b babad gutih", "lusab babad gutih")
