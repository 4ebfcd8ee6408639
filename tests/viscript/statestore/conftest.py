"""One etcd of three members for all tests of this folder that do it no harm."""

from collections.abc import Iterator

import pytest

from tests.support.etcd import Etcd, etcd_cluster


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    """Three members on loopback. Every test takes a prefix of its own, and leaves the members alone."""
    with etcd_cluster() as cluster:
        yield cluster
