from viscript.cluster.audit.words import LONGEST_WORD, MOST_WORDS, kept_words, target_text
from viscript.verbs.core import builtin
from viscript.verbs.parse import parse

TABLE = builtin()


def kept(*argv: str) -> tuple[str, ...]:
    return kept_words(argv, parse(TABLE, argv))


def target(*argv: str) -> str:
    return target_text(parse(TABLE, argv))


def test_a_command_is_kept_as_it_was_typed() -> None:
    assert kept("sd", "7", "--grace", "2s") == ("sd", "7", "--grace", "2s")
    assert kept("-o", "json", "sd", "7") == kept("sd", "7", "-ojson") == ("sd", "7")


def test_secrets_are_not_kept() -> None:
    words = kept("start", "-e", "API_TOKEN=canary", "web", "--password", "canary", "http://u:canary@h/")
    assert "canary" not in " ".join(words)
    assert words[:3] == ("start", "-e", "API_TOKEN=(hidden)")
    assert "canary" not in " ".join(kept("rpc", "7", "login", '{"token": "canary"}'))


def test_what_is_sent_is_not_kept() -> None:
    assert kept("send", "7", "my", "secret") == ("send", "7", "(2 characters)", "(6 characters)")


def test_a_long_command_is_cut() -> None:
    words = kept("start", "web", "x" * 5000, *["y"] * 100)
    assert len(words) == MOST_WORDS + 1
    assert words[2] == f"{'x' * LONGEST_WORD}... (5000 characters)"
    assert words[-1] == f"({103 - MOST_WORDS} more words)"


def test_words_that_are_no_text_are_kept_as_well_as_can_be() -> None:
    assert kept("start", "web", "\udc80")[2] == "?"


def test_whom_it_was_about_is_told() -> None:
    assert target("sd", "7", "web") == "7 web"
    assert target("start", "web") == "web"
    assert target("rpc", "7", "find") == "7"
    assert target("daemon", "stop") == ""
