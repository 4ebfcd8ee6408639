from hypothesis import given
from hypothesis import strategies as st

from components.visor.node.probes import TEXT_MOST, one_line


@given(st.text())
def test_what_a_peer_said_becomes_one_short_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= TEXT_MOST
    assert line.isprintable()
    assert line == line.strip()


def test_a_plain_sentence_stays_as_it_is() -> None:
    assert one_line("Connection refused") == "Connection refused"
    assert one_line("two\r\nlines\x1b[31m") == "two lines [31m"
    assert one_line("x" * 999).endswith("x...")
