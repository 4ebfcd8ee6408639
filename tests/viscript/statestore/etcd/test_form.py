"""Requests as etcd wants them, and replies of every form."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.api import Batch, Compare, Delete, Event, Get, Item, Put, Txn
from viscript.statestore.etcd import form
from viscript.statestore.etcd.form import (
    Form,
    Garbled,
    RangeReply,
    Streamed,
    TxnReply,
    WatchLine,
    decode,
    encode,
)

FORM = Form("/p/")
OPERATIONS = (Put("a", b"\0", 7), Delete("a"), Get("a"))


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def sent(body: dict[str, Any]) -> Any:
    return json.loads(encode(body))


def test_a_transaction_is_sent_with_keys_below_the_prefix() -> None:
    compare = (Compare("a", "value", "=", b"v"), Compare("b", "created", ">", 2**60))
    body = sent(FORM.txn(compare, OPERATIONS, (Get("é"),)))
    assert body["compare"] == [
        {"key": b64("/p/a"), "target": "VALUE", "result": "EQUAL", "value": b64("v")},
        {"key": b64("/p/b"), "target": "CREATE", "result": "GREATER", "create_revision": str(2**60)},
    ]
    assert body["success"] == [
        {"request_put": {"key": b64("/p/a"), "value": "AA==", "lease": "7"}},
        {"request_delete_range": {"key": b64("/p/a")}},
        {"request_range": {"key": b64("/p/a")}},
    ]
    assert body["failure"] == [{"request_range": {"key": b64("/p/é")}}]


def test_pages_follow_one_another_at_one_revision() -> None:
    first = sent(FORM.page("k/", b"", 10, 0))
    assert first == {"key": b64("/p/k/"), "range_end": b64("/p/k0"), "limit": "10", "revision": "0"}
    assert sent(FORM.page("", b"/p/k/3", 10, 99))["key"] == b64("/p/k/3\0")
    assert sent(FORM.page("", b"", 10, 0))["range_end"] == b64("/p0")


def test_a_watch_asks_for_fragments_from_a_revision() -> None:
    asked = sent(FORM.watch("k", 5))["create_request"]
    assert asked == {"key": b64("/p/k"), "range_end": b64("/p/l"), "start_revision": "5", "fragment": True}


def test_numbers_come_as_text_and_what_is_zero_is_left_out() -> None:
    raw = b'{"header":{"revision":"9","cluster_id":"1"},"kvs":[{"key":"L3AvYQ==","mod_revision":"4"}]}'
    reply = decode(raw, RangeReply)
    assert reply.header.revision == 9
    assert FORM.item(reply.kvs[0]) == Item("a", b"", 0, 4, 0)
    assert decode(b'{"result":{"ID":"5"}}', Streamed).result.ttl == 0


def test_the_answers_of_a_transaction_are_those_that_were_asked() -> None:
    raw = json.dumps({
        "header": {"revision": "9"},
        "succeeded": True,
        "responses": [
            {"response_put": {"header": {"revision": "9"}}},
            {"response_delete_range": {"deleted": "1"}},
            {"response_range": {"kvs": [{"key": b64("/p/a"), "create_revision": "1", "mod_revision": "2"}]}},
        ],
    }).encode()  # fmt: skip
    reply = decode(raw, TxnReply)
    assert FORM.txn_done(reply, OPERATIONS, ()) == Txn(True, 9, (None, 1, Item("a", b"", 1, 2)))
    none = decode(b'{"header":{"revision":"9"},"responses":[{"response_range":{}}]}', TxnReply)
    assert FORM.txn_done(none, (), (Get("a"),)) == Txn(False, 9, (None,))


@pytest.mark.parametrize(
    "responses",
    [[], [{"response_put": {}}] * 2, [{"response_range": {}}], [{}]],
    ids=["none", "too many", "another kind", "empty"],
)
def test_answers_that_do_not_fit_are_garbled(responses: list[Any]) -> None:
    raw = json.dumps({"header": {}, "succeeded": True, "responses": responses}).encode()
    with pytest.raises(Garbled):
        FORM.txn_done(decode(raw, TxnReply), (Put("a", b""),), ())


@pytest.mark.parametrize("key", [b"/other/a", b"/p/\xff"])
def test_keys_that_cannot_be_ours_are_garbled(key: bytes) -> None:
    with pytest.raises(Garbled):
        FORM.item(form.KeyValue(key=key))


def test_a_watch_tells_puts_and_deletes() -> None:
    raw = json.dumps({"result": {"events": [
        {"kv": {"key": b64("/p/a"), "value": b64("v"), "create_revision": "2", "mod_revision": "3"}},
        {"type": "DELETE", "kv": {"key": b64("/p/a"), "mod_revision": "4"}},
    ]}}).encode()  # fmt: skip
    news = decode(raw, WatchLine).result
    assert news is not None
    put, deleted = FORM.events(news)
    assert put == Event(Item("a", b"v", 2, 3))
    assert deleted == Event(Item("a", b"", 0, 4), True)


def test_events_of_one_revision_are_one_batch() -> None:
    events = [Event(Item("a", b"", 1, 5)), Event(Item("b", b"", 1, 5)), Event(Item("a", b"", 1, 6))]
    assert form.grouped(events) == [Batch(5, tuple(events[:2])), Batch(6, (events[2],))]
    with pytest.raises(Garbled, match="revision 4 behind 5"):
        form.grouped([Event(Item("a", b"", 1, 5)), Event(Item("a", b"", 1, 4))])


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]":,0129.eresultheadrkvsf\\u ', max_size=60).map(str.encode)
)
def test_random_replies_are_read_or_garbled(raw: bytes) -> None:
    for kind in (RangeReply, TxnReply, Streamed, WatchLine, form.Fault, form.StatusReply, form.TokenReply):
        try:
            decode(raw, kind)
        except Garbled:
            continue


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["header", "revision", "kvs", "key", "result", "events", "kv", "responses"]),
        inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_replies_of_a_wrong_form_are_read_or_garbled(told: object) -> None:
    for kind in (RangeReply, TxnReply, WatchLine):
        try:
            decode(json.dumps(told).encode(), kind)
        except Garbled:
            continue
