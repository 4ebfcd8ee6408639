"""What is sealed after the handshake: ChaCha20-Poly1305 with its keys, each direction counting. Pure."""

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from signal_bus.noise import Split
from viscript.cluster.pairing.messages import BadMessage, Message, decode, encode

_NONCE: Final = struct.Struct("<4xQ")


class Sealed:
    """Both directions of one pairing. A fault leaves it useless: the pairing is over then."""

    def __init__(self, split: Split, *, inviter: bool) -> None:
        keys = (split.to_initiator, split.to_responder)  # the joiner is the initiator
        ours, theirs = keys if inviter else keys[::-1]
        self._out, self._in = ChaCha20Poly1305(ours), ChaCha20Poly1305(theirs)
        self._sent = self._taken = 0

    def seal(self, message: Message) -> bytes:
        """The next message of ours."""
        sealed = self._out.encrypt(_NONCE.pack(self._sent), encode(message), None)
        self._sent += 1
        return sealed

    def open(self, data: bytes) -> Message:
        """The next message of theirs. Raises `BadMessage`."""
        try:
            plain = self._in.decrypt(_NONCE.pack(self._taken), data, None)
        except InvalidTag as exc:
            raise BadMessage("a message was changed on its way") from exc
        self._taken += 1
        return decode(plain)
