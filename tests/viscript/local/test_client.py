"""One client: asking the daemon, showing what it says."""

import json

import pytest

from viscript.errors import ExitCode
from viscript.local.client import Client, data_form


@pytest.mark.parametrize(
    "argv, form",
    [
        (["la", "-o", "json"], "json"),
        (["la", "-ojson"], "json"),
        (["la", "--output=jsonl"], "jsonl"),
        (["-o", "yaml", "la"], "yaml"),
        (["la", "-o", "table"], ""),
        (["la", "-other"], ""),
        (["la", "-o"], ""),
        (["s", "app", "--", "-o", "json"], ""),
    ],
)
def test_a_wish_for_data_is_seen_without_the_verb_table(argv: list[str], form: str) -> None:
    assert data_form(argv) == form


@pytest.mark.parametrize("form, lines", [("jsonl", 1), ("yaml", 1), ("json", 8), ("", 0)])
def test_an_error_has_the_form_that_was_asked_for(
    capfd: pytest.CaptureFixture[str], form: str, lines: int
) -> None:
    Client({"VISCRIPT_HOME": "/h"}).fail(ExitCode.UNREACHABLE, "nobody there", form=form)
    said = capfd.readouterr()
    assert len(said.out.splitlines()) == lines
    assert not lines or json.loads(said.out)["error"]["code"] == 4
    assert said.err == "viscript: nobody there\n"


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
    assert client.fail(ExitCode.TIMED_OUT, "too late", form="json") == 8
    out, err = capfd.readouterr()
    assert err == "viscript: too late\n"
    assert '"code": 8' in out
