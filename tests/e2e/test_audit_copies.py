"""Promise: what was asked of a host is known to the others: after its loss, and when its record was cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_state_store import answer, config, pair
from tests.support.home import ScratchHome
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def beta(short_tmp: Path) -> Iterator[ScratchHome]:
    home = ScratchHome(short_tmp / "b")
    home.root.mkdir(mode=0o700)
    yield home
    try:
        home.end_daemon()
    finally:
        home.close()


def verdict(home: ScratchHome) -> Any:
    return home.viscript("audit", "verify", "-o", "json").json()


def test_copies_outlive_a_host_and_tell_what_was_cut_off(
    scratch_home: ScratchHome, beta: ScratchHome
) -> None:
    alpha = scratch_home
    alpha.start_daemon(config("alpha"))
    beta.start_daemon(config("beta"))
    pair(alpha, beta)
    eventually(lambda: answer(beta, "store", "status")["ok"], deadline_s=60)
    beta.viscript("run", "--", "sleep", "1000").ok()
    beta.viscript("sd", "2").ok()
    eventually(lambda: (verdict(beta)["copied"] or 0) >= 4 and verdict(beta)["heard"] == 1, deadline_s=60)
    entries = verdict(beta)["entries"]
    beta.viscript("daemon", "stop").ok()

    shown = alpha.viscript("audit", "-H", "beta", "-o", "json")
    assert shown.code == 4
    assert [row["argv"] for row in shown.json()] == [["run", "--", "sleep", "1000"], ["sd", "2"]]
    assert "these are the copies of beta's audit" in shown.err

    with sqlite3.connect(beta.root / "state.db") as other:
        other.execute("DELETE FROM audit WHERE number > ?", (entries - 2,))
    other.close()
    beta.start_daemon(beta.root / "config.yaml")
    eventually(lambda: not verdict(beta)["ok"], deadline_s=60)
    found = beta.viscript("audit", "verify")
    assert found.code == 1
    assert f"entry {entries - 1} is not as others have it" in found.out
