"""What `plugins.settings.mesh` may say."""

import msgspec
import pytest

from plugins.mesh.settings import Settings

KEY = "02" + 31 * "ab" + "01"


def test_nothing_said_is_a_host_alone() -> None:
    settings = Settings()
    assert (settings.listen, settings.serve, settings.setup) == ("0.0.0.0:7777", "127.0.0.1", "node")
    assert not settings.alone


def test_all_can_be_said() -> None:
    given = {
        "node_manager": "10.0.0.1:9091",
        "setup_nodes": [KEY, f"{KEY}@10.0.0.1:9093"],
        "messengers": [f"{KEY}@10.0.0.1:8081"],
        "advertise": ["198.51.100.7:7777"],
        "alias": "mike",
        "setup": "direct",
        "alone": True,
    }
    assert msgspec.convert(given, Settings).setup_nodes == (KEY, f"{KEY}@10.0.0.1:9093")


@pytest.mark.parametrize(
    "key, value",
    [
        ("listen", "7777"),
        ("advertise", ["here"]),
        ("messengers", [KEY]),
        ("setup_nodes", ["a b"]),
        ("setup", "both"),
        ("alone", "yes"),
        ("manager", "10.0.0.1:9091"),
    ],
)
def test_what_has_no_meaning_is_refused(key: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({key: value}, Settings)
