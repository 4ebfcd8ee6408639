"""Where a cluster is in the mesh: a name made of its key, and a signature beside it. Pure.

    name        "c-" and 30 digits of the SHA-256 of the key
    info        expires: seconds since the epoch; proof: the cluster's signature, in hexadecimal
    proof       context "viscript cluster at 1", over the cluster's key 32 | the visor's key 32 | expires u64

Anybody may publish under the name; what the cluster did not sign for that very visor is passed over. A proof
that is brought back shows an old place, where nobody can prove the key (sealed.py).
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

CONTEXT: Final = b"viscript cluster at 1"
LEASE_S: Final = 300
LASTS_S: Final = 3600
VISOR_BYTES: Final = 32
_EXPIRES: Final = struct.Struct(">Q")


def name_of(key: PublicKey) -> str:
    """The name under which a cluster is published."""
    return f"c-{hashlib.sha256(b'viscript cluster ' + key).hexdigest()[:30]}"


def signed(cluster: Identity, visor: bytes, now: float) -> dict[str, str]:
    """What stands beside the name."""
    expires = int(now) + LASTS_S
    proof = cluster.sign(CONTEXT, _body(cluster.public_key, visor, expires))
    return {"expires": str(expires), "proof": proof.hex()}


def proved(key: PublicKey, rows: object, now: float) -> list[bytes]:
    """The visors among what a directory answered at which the cluster says that it is."""
    found = rows if isinstance(rows, list) else []
    return list(dict.fromkeys(visor for row in found if (visor := _visor(key, row, now))))


def _visor(key: PublicKey, row: Any, now: float) -> bytes:  # Any: whatever a directory answers
    """The visor of a row; empty when it proves nothing."""
    try:
        visor, info = bytes.fromhex(row["public_key"]), row["info"]
        expires, proof = int(info["expires"]), bytes.fromhex(info["proof"])
        body = _body(key, visor, expires)
    except (KeyError, TypeError, ValueError, struct.error):
        return b""
    good = len(visor) == VISOR_BYTES and now < expires <= now + 2 * LASTS_S
    return visor if good and verify(key, CONTEXT, body, proof) else b""


def _body(key: PublicKey, visor: bytes, expires: int) -> bytes:
    return key + visor + _EXPIRES.pack(expires)
