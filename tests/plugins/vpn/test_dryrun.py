"""What would be changed."""

import pytest

from plugins.vpn import dryrun, needs
from plugins.vpn.needs import Lacking
from tests.support.vpn import looks, namespace
from viscript.plugin import ExitCode, VerbError


def test_every_change_has_its_inverse_and_none_is_made() -> None:
    with namespace() as host:
        before = looks(host)
        answer = dryrun.answer(["--peer", "mike", "--kill-switch"])
        assert looks(host) == before
    assert answer.text is not None
    assert "table inet viscript_vpn_kill" in answer.text
    assert "ip -4 rule add pref 30301 not fwmark 0x76697363 lookup 30313" in answer.text
    assert isinstance(answer.data, list)
    assert all(row["undo"] for row in answer.data)


def test_it_is_refused_where_the_client_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> None:
        raise Lacking("CAP_NET_ADMIN is missing")

    monkeypatch.setattr(needs, "check", lacking)
    with pytest.raises(VerbError, match="CAP_NET_ADMIN is missing") as caught:
        dryrun.rows(["--peer", "mike"])
    assert caught.value.code is ExitCode.FAILED


def test_the_mark_is_the_meshs() -> None:
    from components.mesh.marked import MARK

    assert dryrun.MARK == MARK
