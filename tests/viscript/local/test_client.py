"""One client: asking the daemon, showing what it says."""

import pytest

from viscript.errors import ExitCode
from viscript.local.client import Client, wants_json


@pytest.mark.parametrize(
    "argv, json",
    [
        (["la", "-o", "json"], True),
        (["la", "-ojson"], True),
        (["la", "--output=jsonl"], True),
        (["-o", "json", "la"], True),
        (["la", "-o", "table"], False),
        (["la", "-o"], False),
        (["s", "app", "--", "-o", "json"], False),
    ],
)
def test_a_wish_for_json_is_seen_without_the_verb_table(argv: list[str], json: bool) -> None:
    assert wants_json(argv) is json


def test_a_request_says_from_where_it_comes_and_tells_no_secret() -> None:
    environ = {
        "VISCRIPT_HOME": "/h",
        "VISCRIPT_TOKEN_FD": "3",
        "VISCRIPT_API_KEY": "x",
        "PATH": "/bin",
        "EDITOR": "vi",
    }
    request = Client(environ).request({"argv": ["la"]})
    assert request["environ"] == {"VISCRIPT_HOME": "/h", "PATH": "/bin"}
    assert request["mode"] == "oneshot"


def test_an_error_is_one_sentence_and_in_json_also_data(capfd: pytest.CaptureFixture[str]) -> None:
    client = Client({"VISCRIPT_HOME": "/h"})
    assert client.fail(ExitCode.TIMED_OUT, "too late", as_json=True) == 8
    out, err = capfd.readouterr()
    assert err == "viscript: too late\n"
    assert '"code": 8' in out
