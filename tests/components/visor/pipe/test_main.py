"""The command line of the pipe host; what it does is tried in tests/e2e."""

import pytest

from components.visor.apps.limits import MAX_NAME
from components.visor.pipe.__main__ import called, options


@pytest.mark.parametrize(
    "words, environ, told",
    [
        (["--", "/opt/bin/chat"], {}, "chat"),
        (["--", "/opt/bin/python3", "chat.py"], {"VISCRIPT_STATE": "/h/state/talk"}, "talk"),
        (["--name", "skychat", "--", "x"], {"VISCRIPT_STATE": "/h/state/talk"}, "skychat"),
        (["--", "x"], {"VISCRIPT_STATE": f"/h/{'y' * 100}"}, "y" * MAX_NAME),
    ],
)
def test_an_app_is_called_as_its_daemon_calls_it(
    words: list[str], environ: dict[str, str], told: str
) -> None:
    assert called(options(words), environ) == told
