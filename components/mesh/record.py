"""Records: what a session carries after its handshake, both ways.

offset  size  field
0       4     u32 big endian; bit 31: the sealing side took the next key, and this record is its first;
              bits 0 to 30: n, the bytes of plaintext, 1 to 131072
4       n     ciphertext          the first 4 bytes are authenticated with it
4 + n   16    tag

A length out of bounds (it is looked at before all else) or a tag that does not fit ends the session.
"""

from struct import Struct, pack_into
from typing import Final

from components.mesh.aead import TAG_BYTES, Buffer, Cipher, OpenKey, SealKey
from components.mesh.buffers import blank
from components.mesh.errors import CallerError, WireError

HEADER_BYTES: Final = 4
OVERHEAD_BYTES: Final = HEADER_BYTES + TAG_BYTES
MAX_PLAIN: Final = 128 * 1024
MAX_RECORD: Final = MAX_PLAIN + OVERHEAD_BYTES
NEXT_KEY_BIT: Final = 1 << 31
_HEADER: Final = Struct(">I")
_unpack_from: Final = _HEADER.unpack_from


class Sealer:
    """Turns plaintext into records."""

    def __init__(self, cipher: Cipher, key: bytes) -> None:
        self.key = SealKey(cipher, key)

    def tick(self, now: float) -> None:
        """Say what time it is (monotonic seconds), at least once a minute: keys change by age too."""
        self.key.tick(now)

    def seal(self, plain: memoryview, out: memoryview) -> int:
        """Write a record to the front of `out`, another buffer; its size. `CallerError` for a bad size."""
        size = len(plain)
        if not 0 < size <= MAX_PLAIN:
            raise CallerError(f"a record holds 1 to {MAX_PLAIN} bytes, not {size}")
        end = size + OVERHEAD_BYTES
        if len(out) < end:
            raise CallerError(f"a record of {end} bytes does not go into {len(out)}")
        key = self.key
        if key.due:
            key.ratchet()
            pack_into(">I", out, 0, size | NEXT_KEY_BIT)
        else:
            pack_into(">I", out, 0, size)
        key.seal(plain, out[:HEADER_BYTES], out[HEADER_BYTES:end])
        return end

    def record(self, plain: bytes) -> bytes:
        """One record as bytes, for control messages; links use `seal`."""
        out = bytearray(len(plain) + OVERHEAD_BYTES)
        self.seal(memoryview(plain), memoryview(out))
        return bytes(out)


class Opener:
    """Turns records back into plaintext."""

    def __init__(self, cipher: Cipher, key: bytes) -> None:
        self.key = OpenKey(cipher, key)

    def open(self, record: memoryview, out: memoryview) -> int:
        """Write the plaintext of one whole record to the front of `out`, another buffer; its size.

        Raises `WireError` or `TagError`; the session is over then.
        """
        size = plain_size(record)
        if len(record) != size + OVERHEAD_BYTES:
            raise WireError(f"a record of {size} bytes came as {len(record)}")
        if record[0] & 0x80:
            self.key.ratchet()
        self.key.open(record[HEADER_BYTES:], record[:HEADER_BYTES], out[:size])
        return size


def buffer_bytes(largest: int) -> int:
    """The size of a reader's buffer for records of up to `largest` plaintext bytes: two whole records."""
    return 2 * (largest + OVERHEAD_BYTES)


def plain_size(header: Buffer, largest: int = MAX_PLAIN) -> int:
    """The plaintext bytes a record's header announces. Raises `WireError` where it may not."""
    size: int = _unpack_from(header)[0] & ~NEXT_KEY_BIT
    if not 0 < size <= largest:
        raise _bad_size(size, largest)
    return size


def _bad_size(size: int, largest: int) -> WireError:
    return WireError(f"a record of {size} bytes (1 to {largest} are allowed)")


class RecordReader:
    """Cuts what arrives into records and opens them, in two buffers that are used again and again.

    Receive into `room()`, tell `filled(count)`, then call `next()` until it is None.
    """

    def __init__(
        self,
        opener: Opener,
        buffer: bytearray | None = None,
        plain: bytearray | None = None,
        *,
        largest: int = MAX_PLAIN,
    ) -> None:
        """A record may hold `largest` bytes of plaintext.

        The buffers are made here when left out: `buffer` of `buffer_bytes(largest)`, `plain` of `largest`.
        """
        needed = buffer_bytes(largest)
        self._opener = opener
        self._view = blank(needed) if buffer is None else memoryview(buffer)
        self._plain = blank(largest) if plain is None else memoryview(plain)
        if len(self._view) < needed or len(self._plain) < largest:
            raise CallerError(f"a reader needs buffers of {needed} and {largest} bytes")
        self._largest = largest
        self._record = largest + OVERHEAD_BYTES
        self._start = self._end = 0

    @property
    def pending(self) -> int:
        """The bytes received that are not yet part of a record handed out."""
        return self._end - self._start

    def room(self) -> memoryview:
        """Where to receive to, at least a record's length. Valid until the next call of any method."""
        if len(self._view) - self._end < self._record:
            self._pack()
        return self._view[self._end :]

    def filled(self, count: int) -> None:
        """The next `count` bytes of `room()` were received."""
        if not 0 <= count <= len(self._view) - self._end:
            raise CallerError(f"{count} bytes cannot have been received")
        self._end += count

    def feed(self, data: Buffer) -> None:
        """Take at most a record's worth of bytes from elsewhere, such as what came behind a handshake."""
        room = self.room()
        if len(data) > len(room):
            raise CallerError(f"{len(data)} bytes are more than a reader takes at once")
        room[: len(data)] = data
        self._end += len(data)

    def next(self) -> memoryview | None:
        """The plaintext of the next whole record, valid until the next call; None while it is not all there.

        Raises `WireError` or `TagError`; the session is over then.
        """
        start = self._start
        pending = self._end - start
        if pending < HEADER_BYTES:
            return None
        view, begin = self._view, start + HEADER_BYTES
        word: int = _unpack_from(view, start)[0]
        size = word & ~NEXT_KEY_BIT
        if not 0 < size <= self._largest:
            raise _bad_size(size, self._largest)
        if pending < size + OVERHEAD_BYTES:
            return None
        end = begin + size + TAG_BYTES
        key, plain = self._opener.key, self._plain[:size]
        if word & NEXT_KEY_BIT:
            key.ratchet()
        key.open(view[begin:end], view[start:begin], plain)
        self._start = end
        if end == self._end:
            self._start = self._end = 0
        return plain

    def _pack(self) -> None:
        """Move what is pending to the front."""
        pending = self.pending
        self._view[:pending] = self._view[self._start : self._end]
        self._start, self._end = 0, pending
