"""Keys as words."""

from viscript.fingerprint import WORDS, fingerprint, proquint


def test_proquints_are_those_of_the_paper() -> None:
    # 127.0.0.1 and 63.84.220.193, from the paper's own table.
    assert (proquint(0x7F00), proquint(0x0001)) == ("lusab", "babad")
    assert (proquint(0x3F54), proquint(0xDCC1)) == ("gutih", "tugad")


def test_every_number_has_a_word_of_its_own() -> None:
    assert len({proquint(number) for number in range(1 << 16)}) == 1 << 16


def test_a_key_has_six_words_and_another_key_has_others() -> None:
    first, second = fingerprint("00" * 32), fingerprint("01" * 32)
    assert len(first.split()) == WORDS
    assert first != second
    assert fingerprint("00" * 32) == first
