"""Rules as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.forward import words
from plugins.forward.rules import Rule, RuleError


@pytest.mark.parametrize(
    "line, rule",
    [
        (
            "fwd 8080 mike:80",
            Rule(kind="fwd", listen="127.0.0.1:8080", target="127.0.0.1:80", peers=("mike",)),
        ),
        (
            "fwd [::]:53 ab12:[fd00::1]:53 --udp",
            Rule(kind="fwd", listen="[::]:53", target="[fd00::1]:53", peers=("ab12",), udp=True),
        ),
        (
            "rev mike:0.0.0.0:80 LocalHost:8080",
            Rule(kind="rev", listen="0.0.0.0:80", target="127.0.0.1:8080", peers=("mike",)),
        ),
        (
            "offer DB.example:6379 --to mike,joe --to all",
            Rule(kind="offer", target="db.example:6379", peers=("mike", "joe", "all")),
        ),
        ("lend --udp 9000 --to mike", Rule(kind="lend", listen="127.0.0.1:9000", peers=("mike",), udp=True)),
    ],
)
def test_a_line_is_a_rule(line: str, rule: Rule) -> None:
    assert words.parse(line) == rule


@pytest.mark.parametrize(
    "line",
    [
        "", "dance", "fwd", "fwd 80", "fwd 80 mike", "fwd 80 mike:", "fwd 80 :80", "fwd 70000 mike:80",
        "fwd -1 mike:80", "fwd ::1:80 mike:80", "fwd :80 mike:80", "fwd a/b:80 mike:80", "fwd 80 mike:0",
        "fwd 80 mike:80 more", "rev mike:80", "rev 80 80 --udp", "offer 80", "offer 80 --to", "offer 80 mike",
        "lend 0 --to mike", "offer 80 --to ,", f"fwd {'9' * 5000} mike:80",
        "fwd 80 mike:000080", "fwd 80 'mike:80",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_hint(line: str) -> None:
    with pytest.raises(RuleError) as error:
        words.parse(line)
    assert error.value.code == "bad-rule"
    assert repr(line)[1:4] in str(error.value) or "expected" in str(error.value)


@given(st.text())
def test_no_text_is_more_than_a_wrong_rule(text: str) -> None:
    for line in (text, f"fwd {text}", f"fwd {text} {text}", f"offer {text} --to {text}"):
        with suppress(RuleError):
            assert words.parse(line).peers


@given(st.ip_addresses(), st.integers(1, 65535))
def test_a_place_comes_apart_as_it_was_put_together(host: object, port: int) -> None:
    text = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    assert words.place(text) == text
    assert words.split(text) == (str(host), port)
