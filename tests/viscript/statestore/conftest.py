"""One etcd of each version for all tests of this folder that do it no harm."""

from collections.abc import Iterator

import pytest

from tests.support.etcd import Etcd, etcd_cluster, program_of_3_5


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    """Three members on loopback. Every test takes a prefix of its own, and leaves the members alone."""
    with etcd_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def etcd35() -> Iterator[Etcd]:
    """A member of version 3.5, where the others are of Debian's 3.4."""
    with etcd_cluster(1, program=program_of_3_5()) as cluster:
        yield cluster
