"""Keys as pipe apps know them: `02` and 64 digits, which must be an x coordinate of secp256k1.

A key that is none goes by an alias (`components.mesh.curve`). An alias cannot be turned back: it is known
once its node has called, or is our own.
"""

from typing import Final

from components.mesh import keys
from components.mesh.curve import pipe_alias
from components.mesh.errors import BadKey
from signal_bus.ids import PublicKey

PREFIX: Final = "02"


class Names:
    """Both ways."""

    def __init__(self, own: PublicKey) -> None:
        self._keys: dict[str, PublicKey] = {}
        self.own = self.text(own)

    def text(self, key: PublicKey) -> str:
        """How the app gets to see a key."""
        written = PREFIX + pipe_alias(key).hex()
        if written != PREFIX + key.hex():
            self._keys[written] = key
        return written

    def key(self, text: str) -> PublicKey:
        """The key the app means. Raises `BadKey`."""
        known = self._keys.get(text.lower())
        if known is not None:
            return known
        if not text.lower().startswith(PREFIX):
            raise BadKey(f"{text} is no key of this mesh: it starts with {PREFIX}")
        return keys.parse(text)
