import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from signal_bus.errors import CallerError
from signal_bus.tokens import curve_of, is_token, same

TOKEN = bytes(range(32)).hex()


def test_a_token_makes_one_key_pair() -> None:
    pair = curve_of(TOKEN)
    assert pair == curve_of(TOKEN)
    assert pair != curve_of("f" * 64)
    assert crypto_scalarmult_base(pair.secret) == pair.public
    assert pair.secret.hex() not in repr(pair)


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "٣" * 64, "a" * 64 + "\n"])
def test_what_is_no_token_is_said_without_showing_it(text: str) -> None:
    assert not is_token(text)
    with pytest.raises(CallerError, match="64 hexadecimal digits") as caught:
        curve_of(text)
    assert not text or text not in str(caught.value)


@given(st.text(), st.text())
def test_only_the_same_words_are_the_same(given_text: str, expected: str) -> None:
    assert same(given_text, expected) is (given_text == expected)
    assert same(expected, expected)
