"""What refusals mean, by the words etcd uses for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.statestore.etcd.form import Fault
from viscript.statestore.etcd.verdict import Verdict, judge, words_of


@pytest.mark.parametrize(
    "text, code, verdict",
    [
        ("etcdserver: no leader", 14, Verdict.ANOTHER),
        ("etcdserver: request timed out", 14, Verdict.UNSURE),
        ("etcdserver: request timed out, possibly due to previous leader failure", 14, Verdict.UNSURE),
        ("etcdserver: leader changed", 14, Verdict.UNSURE),
        ("etcdserver: invalid auth token", 16, Verdict.TOKEN),
        ("auth: revision in header is old", 2, Verdict.TOKEN),
        ("etcdserver: user name is empty", 3, Verdict.TOKEN),
        ("etcdserver: permission denied", 7, Verdict.REFUSED),
        ("etcdserver: authentication failed, invalid user ID or password", 3, Verdict.REFUSED),
        ("etcdserver: authentication is not enabled", 9, Verdict.NO_AUTH),
        ("etcdserver: requested lease not found", 5, Verdict.LEASE),
        ("etcdserver: lease already exists", 9, Verdict.EXISTS),
        ("etcdserver: mvcc: required revision has been compacted", 11, Verdict.COMPACTED),
        ("etcdserver: mvcc: database space exceeded", 8, Verdict.FULL),
        ("etcdserver: duplicate key given in txn request", 3, Verdict.BAD),
        ("something never seen", 16, Verdict.REFUSED),
        ("something never seen", 2, Verdict.UNSURE),
    ],
)
def test_each_refusal_is_judged(text: str, code: int, verdict: Verdict) -> None:
    assert judge(Fault(error=text, code=code)) is verdict
    assert judge(Fault(message=text, code=code)) is verdict


@given(st.text(), st.integers())
def test_what_is_not_known_may_have_been_done(text: str, code: int) -> None:
    assert isinstance(judge(Fault(error=text, code=code)), Verdict)
    assert judge(Fault(code=14)) is Verdict.UNSURE


def test_the_sentence_does_not_say_twice_whose_it_is() -> None:
    assert words_of(Fault(error="etcdserver: no leader")) == "no leader"
    assert words_of(Fault(message="odd")) == "odd"
    assert words_of(Fault(code=13)) == "code 13"
