"""A real etcd whose members are hosts of their own, round one in the middle where the client is.

The one in the middle passes on what members say to each other, so it can drop that, or what the client and a
member say to each other; nobody is told by a reset.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.etcd import Etcd, EtcdMember
from tests.support.network import Host, Network

_RULES = """
table ip cut
delete table ip cut
table ip cut {{
    chain between {{ type filter hook forward priority 0; {between} }}
    chain in {{ type filter hook input priority 0; {ours} }}
    chain out {{ type filter hook output priority 0; {ours} }}
}}
"""


class EtcdHosts:
    """Three members; this thread makes its sockets in the middle."""

    def __init__(self, etcd: Etcd, middle: Host) -> None:
        self.etcd = etcd
        self._middle = middle

    def cut_from_the_others(self, member: EtcdMember) -> None:
        """The client reaches it; the other members do not."""
        self._rules(between=_both_ways(member))

    def cut_from_the_client(self, member: EtcdMember) -> None:
        """The other members reach it; the client does not."""
        self._rules(ours=_both_ways(member))

    def mend(self) -> None:
        self._rules()

    def _rules(self, between: str = "", ours: str = "") -> None:
        rules = _RULES.format(between=between, ours=ours)
        subprocess.run(self._middle.inside("nft", "-f", "-"), input=rules, text=True, check=True)


def _both_ways(member: EtcdMember) -> str:
    return f"ip saddr {member.host} drop; ip daddr {member.host} drop;"


@contextmanager
def etcd_hosts() -> Iterator[EtcdHosts]:
    """Three members on three hosts, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="etcd", dir="/tmp"))
    with Network() as network:
        middle = network.host("middle")
        middle.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        etcd = Etcd(folder, 3)
        for member in etcd.members:
            host = network.host(member.name)
            cable = network.cable(host, middle)
            host.default_route(cable.address(middle))
            member.host, member.inside = cable.address(host), host.inside
            member.client, member.peer = 2379, 2380
        try:
            with middle.entered():
                assert etcd.come_up()
                yield EtcdHosts(etcd, middle)
        finally:
            etcd.stop()
            shutil.rmtree(folder)
