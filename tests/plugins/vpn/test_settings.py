"""What the file may hold."""

import msgspec
import pytest

from plugins.vpn.settings import Settings


def test_what_is_left_out_has_a_default() -> None:
    assert msgspec.convert({}, Settings) == Settings()
    assert msgspec.convert({"peer": "mike", "allow": ["0a"]}, Settings).allow == ("0a",)


@pytest.mark.parametrize("wrong", [{"peer": "a b"}, {"peers": []}, {"allow": ["a,b"]}])
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Settings)
