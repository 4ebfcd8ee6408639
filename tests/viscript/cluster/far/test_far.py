from pathlib import Path

import pytest

from tests.support.far_hosts import far_hosts
from viscript.cluster.far.far import Far
from viscript.errors import VerbError


def test_a_host_that_is_alone_knows_no_other() -> None:
    far = Far(lambda: None, lambda work: work.close())
    assert far.hosts() == []
    with pytest.raises(VerbError, match="in no cluster"):
        far.asking()


async def test_the_hosts_are_those_of_the_links(short_tmp: Path) -> None:
    async with far_hosts(short_tmp, m1=[], m2=[]) as hosts:
        assert [host.label for host in hosts.first.world.far.hosts()] == ["m1", "m2"]
