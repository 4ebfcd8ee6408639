"""Three hosts without an engine: the store of one of them serves all, and what its loss means is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosted import HostedHome
from tests.support.three_hosts import ThreeHosts, kill, rows, three_hosts
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def scene(short_tmp: Path) -> Iterator[ThreeHosts]:
    with three_hosts(short_tmp) as made:
        made.url = "host://alpha"
        yield made


def states(home: HostedHome) -> dict[str, str]:
    """How each instance stands, as that host sees it."""
    return {row["app"]: row["state"] for row in rows(home, "deploy", "ls")}


def test_without_an_engine_one_host_has_the_store_and_its_loss_is_said_plainly(scene: ThreeHosts) -> None:
    alpha, beta, gamma = scene.homes
    scene.start()
    scene.join()
    eventually(lambda: gamma.viscript("store", "status").code == 0, deadline_s=60)
    assert "no failover" in beta.viscript("store", "status").err
    gamma.viscript("deploy", "web", "--place", "gamma").ok()  # it is behind NAT
    beta.viscript("deploy", "job", "--place", "beta", "--exclusive").ok()
    eventually(lambda: states(gamma) == {"web": "running", "job": "running"}, deadline_s=60)
    kill(alpha)
    eventually(lambda: beta.viscript("deploy", "web").code == 4, deadline_s=60)
    refused = beta.viscript("deploy", "web")
    assert "nothing has changed" in refused.err
    assert "alpha" in refused.err
    told = beta.viscript("store", "status", "-t", "1s")
    assert (told.code, "alpha" in told.out, "no failover" in told.err) == (1, True, True)
    assert "the state store host://alpha is away" in gamma.viscript("hosts").err
    assert "as it was seen last" in gamma.viscript("deploy", "ls").err
    eventually(lambda: not beta.named("sleep"), deadline_s=30)  # exclusive, and nobody keeps its lease
    assert "lease" in beta.viscript("why", "job").out
    assert states(beta)["job"] == "stopped"
    assert len(gamma.named("sleep")) == 1  # all else runs on
    scene.start(alpha)
    eventually(lambda: beta.named("sleep") and set(states(gamma).values()) == {"running"}, deadline_s=60)
    assert len(gamma.named("sleep")) == 1
