"""What proves to a host that another is its cluster's gateway: a signature of the cluster's key. Pure.

Any host may open a stream, and what a gateway orders is written down under the key of the cluster it names.
So only the host for whose key this is signed may order so; the connection proves that key. It holds as long
as that host belongs to the cluster.
"""

from __future__ import annotations

from typing import Final

from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

CONTEXT: Final = b"viscript gateway 1"
META: Final = "warrant"  # where it stands in what the opener says of a stream


def warrant(cluster: Identity, gateway: PublicKey) -> str:
    """By it the host with the key `gateway` may speak for other clusters."""
    return cluster.sign(CONTEXT, gateway).hex()


def is_warrant(text: str, cluster: PublicKey | None, gateway: PublicKey) -> bool:
    """Whether it is one of this cluster, for this host."""
    try:
        signature = bytes.fromhex(text)
    except ValueError:
        return False
    return cluster is not None and verify(cluster, CONTEXT, gateway, signature)
