"""Settings of forwarding."""

import msgspec
import pytest

from plugins.forward.settings import Settings


def test_rules_are_lines() -> None:
    assert msgspec.convert({"rules": ["fwd 80 mike:80"]}, Settings).rules == ("fwd 80 mike:80",)
    wrongs: tuple[dict[str, object], ...] = ({"rules": [80]}, {"rule": []})
    for wrong in wrongs:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Settings)
