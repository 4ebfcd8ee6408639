"""What gateways say to each other: round trips, bounds, nonsense."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.cluster.peering.terms import (
    APPS_MAX,
    ASK_S,
    Answer,
    Ask,
    BadTerms,
    Question,
    Reply,
    Row,
    Share,
    Terms,
    decode,
    encode,
    patience_s,
    timeout_of,
)
from viscript.verbs.table import Role

NAMES = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.:+\-]{0,20}\Z")
SHARES = st.builds(
    Share, apps=st.lists(NAMES, max_size=5).map(tuple), role=st.sampled_from([Role.VIEW, Role.OPERATE])
)
TERMS = st.builds(
    Terms,
    label=st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}\Z"),
    version=st.integers(0, 2**53),
    share=st.none() | SHARES,
    holds=st.booleans(),
    no=st.booleans(),
)
ASKS = st.builds(
    Ask,
    selector=st.text(min_size=1, max_size=20),
    argv=st.lists(st.text(max_size=20), min_size=1, max_size=5).map(tuple),
    timeout=st.floats(0.1, 120),
)
MINE = Terms(label="a", version=1)


@given(TERMS, st.none() | ASKS)
def test_a_question_comes_as_it_was_said(terms: Terms, ask: Ask | None) -> None:
    question = Question(terms=terms, ask=ask)
    assert decode(encode(question), Question) == question


def test_a_reply_comes_as_it_was_said() -> None:
    rows = (Row(host="m1", status="ok", code=0, out="[]"), Row(host="m2", status="failed", code=1, err="no"))
    reply = Reply(terms=MINE, answer=Answer(code=1, rows=rows))
    assert decode(encode(reply), Reply) == reply


@given(st.binary(max_size=200))
def test_nonsense_is_refused(data: bytes) -> None:
    try:
        decode(data, Question)
    except BadTerms:
        return
    raise AssertionError("random bytes are no question")


@given(st.floats(0.1, 1000))
def test_who_asks_has_the_answer_by_the_deadline(deadline: float) -> None:
    there = timeout_of(deadline)
    assert 0 < there <= min(deadline, ASK_S)
    assert there < patience_s(there) <= deadline + 0.5 + 1e-9


def test_every_truncation_is_refused() -> None:
    whole = encode(Question(terms=MINE, ask=Ask(selector="@all", argv=("la",), timeout=5.0)))
    for cut in range(len(whole)):
        with pytest.raises(BadTerms):
            decode(whole[:cut], Question)


def test_nobody_becomes_an_admin_of_another_cluster() -> None:
    with pytest.raises(ValueError, match="nobody is an admin"):
        Share(role=Role.ADMIN)
    data = msgspec.msgpack.encode({"terms": {"label": "a", "version": 1, "share": {"role": "admin"}}})
    with pytest.raises(BadTerms, match="nobody is an admin"):
        decode(data, Question)


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "a b", "version": 1},
        {"label": "a", "version": -1},
        {"label": "a", "version": 1, "share": {"apps": ["x"] * (APPS_MAX + 1)}},
        {"label": "a", "version": 1, "share": {"apps": ["a/b"]}},
        {"label": "a", "version": 1, "share": {"apps": ["*"]}},
        {"label": "a", "version": 1, "addresses": ["ipc:///etc/passwd"]},
        {"label": "a", "version": 1, "addresses": ["tcp://h:1"] * 9},
        {"label": "a", "version": 1, "visor": "../x"},
    ],
)
def test_terms_beyond_their_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadTerms):
        decode(msgspec.msgpack.encode({"terms": wrong}), Question)


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"timeout": 1e9}, {"argv": []}, {"columns": 10**9}])
def test_commands_beyond_their_bounds_are_refused(wrong: dict[str, object]) -> None:
    ask = {"selector": "@all", "argv": ["la"], "timeout": 1.0, **wrong}
    data = msgspec.msgpack.encode({"terms": {"label": "a", "version": 1}, "ask": ask})
    with pytest.raises(BadTerms):
        decode(data, Question)
