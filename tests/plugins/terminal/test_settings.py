"""The settings of the plugin."""

import msgspec
import pytest

from plugins.terminal.settings import Settings


def test_left_out_they_let_nobody_else_in() -> None:
    assert msgspec.convert({}, Settings) == Settings(allow=(), files=True)


@pytest.mark.parametrize("given", [{"allow": ["no key!"]}, {"allow": "key"}, {"alow": []}, {"files": "no"}])
def test_what_is_wrong_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)
