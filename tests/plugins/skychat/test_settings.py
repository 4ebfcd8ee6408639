"""The settings of the plugin."""

import msgspec
import pytest

from plugins.skychat.settings import Settings


def test_all_can_be_left_out() -> None:
    assert msgspec.convert({}, Settings) == Settings()


@pytest.mark.parametrize("given", [{"allow": ["no key!"]}, {"tell_reading": "yes"}, {"alow": []}])
def test_what_is_wrong_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)
