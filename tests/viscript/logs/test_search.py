import signal
import threading
import time

import pytest

from viscript.logs.search import LONGEST, BadExpression, Search

ENDLESS = "(a+)+$"


def test_a_line_that_holds_a_match_is_found() -> None:
    search = Search("caf.+ [0-9]$")
    assert (search.matches("café 7".encode()), search.matches(b"tea 7")) == (True, False)


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "*", "x" * (LONGEST + 1)])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(BadExpression):
        Search(pattern)


def test_a_search_without_end_is_ended() -> None:
    search = Search(ENDLESS)
    started = time.process_time()
    with pytest.raises(BadExpression, match="takes too long"):
        search.matches(b"a" * 60 + b"!")
    assert time.process_time() - started < 1


def test_after_one_that_was_ended_others_go_on() -> None:
    search = Search(ENDLESS)
    for _ in range(3):
        with pytest.raises(BadExpression):
            search.matches(b"a" * 60 + b"!")
        assert search.matches(b"aaa")


def test_a_long_line_is_no_long_search() -> None:
    assert not Search("error.*failed").matches(b"all is well. " * 20_000)


def test_a_signal_that_comes_late_does_no_harm() -> None:
    Search("a").matches(b"a")
    signal.raise_signal(signal.SIGVTALRM)
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0
    assert threading.current_thread() is threading.main_thread()
