import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.far_hosts import state
from viscript.cluster.far.selecting import select
from viscript.errors import ExitCode, VerbError

HOSTS = [
    state("m1", local=True, labels={"role": "core"}),
    state("edge-1", labels={"role": "edge", "zone": "a"}),
    state("edge-2", labels={"role": "edge", "zone": "b"}),
]


def labels(text: str) -> list[str]:
    return [host.label for host in select(text, HOSTS).hosts]


@pytest.mark.parametrize(
    "text, found, single",
    [
        ("m1", ["m1"], True),
        ("localhost", ["m1"], True),
        (HOSTS[1].key.hex()[:14], ["edge-1"], True),
        ("edge-2,m1", ["m1", "edge-2"], False),
        ("edge-*", ["edge-1", "edge-2"], False),
        ("role=edge", ["edge-1", "edge-2"], False),
        ("role=edge,zone=b", ["edge-2"], False),
        ("zone=*", ["edge-1", "edge-2"], False),
        ("edge-*,zone=a", ["edge-1"], False),
        ("@all", ["m1", "edge-1", "edge-2"], False),
        ("all", ["m1", "edge-1", "edge-2"], False),
    ],
)
def test_a_text_means_hosts(text: str, found: list[str], single: bool) -> None:
    chosen = select(text, HOSTS)
    assert ([host.label for host in chosen.hosts], chosen.single) == (found, single)


@pytest.mark.parametrize("text", ["m9", "role=none", "edge-1,m9", "x*", "3f2a", "role=edge,zone=c"])
def test_nobody_is_an_error(text: str) -> None:
    with pytest.raises(VerbError) as wrong:
        select(text, HOSTS)
    assert wrong.value.code == ExitCode.NOT_FOUND
    assert 'this one is "m1"' in wrong.value.text


def test_labels_and_short_keys_that_mean_nobody_are_said_as_such() -> None:
    with pytest.raises(VerbError, match="no host that carries role=none is known here"):
        select("role=none", HOSTS)
    with pytest.raises(VerbError, match="of a key, 8 digits are needed"):
        select(HOSTS[1].key.hex()[:5], HOSTS)


def test_another_cluster_is_asked_by_on() -> None:
    with pytest.raises(VerbError, match=r'"beta/@all" is no host .*: on beta/@all COMMAND'):
        select("beta/@all", HOSTS)


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(VerbError) as wrong:
        select("edge1", HOSTS)
    assert "edge-1" in wrong.value.suggestions


def test_a_key_that_begins_several_is_refused() -> None:
    with pytest.raises(VerbError, match="give more of it") as wrong:
        select(HOSTS[1].key.hex()[:10], HOSTS)
    assert wrong.value.code == ExitCode.USAGE


@given(st.text(max_size=600))
def test_any_text_is_hosts_or_an_error(text: str) -> None:
    with contextlib.suppress(VerbError):
        assert select(text, HOSTS).hosts
