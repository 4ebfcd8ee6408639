"""The one-time code of an invitation. Pure.

    version 1 | secret 16 | first 16 bytes of SHA-256 of the inviter's key | count of addresses 1 | addresses
    | check 4: the first bytes of SHA-256("viscript code 1" | all before)

    address     kind 1 | length 1 | payload: 4 an IPv4 address and a port, 6 an IPv6 address and a port,
                1 a host name and a port, 2 the public key of a visor, over the mesh;
                a kind that is not known is passed over

Written in base32 (RFC 4648, small letters, no padding) in groups of eight. Dashes, blanks, line ends and
capitals mean nothing; a 0 is read as o, a 1 as l. So the code survives being wrapped, quoted, or typed.

The secret never travels: `invitation` names it to the inviter, `psk` goes into the handshake.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from signal_bus.identity import hkdf
from signal_bus.ids import PublicKey
from viscript.errors import ExitCode, VerbError

VERSION: Final = 1
SECRET_BYTES: Final = 16
PREFIX_BYTES: Final = 16
ID_BYTES: Final = 8
MOST_ADDRESSES: Final = 4
LONGEST_TEXT: Final = 2048  # of what is looked at
LONGEST_NAME: Final = 200
_CHECK_BYTES: Final = 4
_CHECK_CONTEXT: Final = b"viscript code 1"
_PSK_CONTEXT: Final = b"viscript pairing psk 1"
_ID_CONTEXT: Final = b"viscript invitation 1"
_HEAD: Final = struct.Struct(f">B{SECRET_BYTES}s{PREFIX_BYTES}sB")
_PORT: Final = struct.Struct(">H")
_GROUP: Final = 8
_FILLING: Final = re.compile(r"[\s\-\u2010-\u2015]+")
_LETTERS: Final = re.compile(r"[A-Za-z0-7]*")
_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?")
_IPV4, _IPV6, _HOST_NAME, _VISOR = 4, 6, 1, 2
_VISOR_BYTES: Final = 32


class BadCode(VerbError):
    """The text is no code, or no whole one."""

    def __init__(self, reason: str) -> None:
        super().__init__(ExitCode.USAGE, f"this is no code of `host invite`: {reason}")


class Address(NamedTuple):
    """Where the inviter listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class MeshAddress(NamedTuple):
    """The visor of the inviter: the way there is the mesh's affair."""

    visor: bytes

    def __str__(self) -> str:
        return f"mesh:{self.visor.hex()}"


AnyAddress = Address | MeshAddress


@dataclass(frozen=True)
class Code:
    """What the inviter prints and the joiner pastes; the secret is kept out of `repr`."""

    secret: bytes = field(repr=False)
    prefix: bytes
    addresses: tuple[AnyAddress, ...]

    @property
    def invitation(self) -> bytes:
        """What names the invitation on the wire."""
        return hashlib.sha256(_ID_CONTEXT + self.secret).digest()[:ID_BYTES]

    @property
    def psk(self) -> bytes:
        """What goes into the handshake."""
        return hkdf(self.secret, _PSK_CONTEXT)

    def is_by(self, key: PublicKey) -> bool:
        """Whether this key is the inviter's."""
        return key_prefix(key) == self.prefix

    def text(self) -> str:
        """The form to paste, one line."""
        body = _HEAD.pack(VERSION, self.secret, self.prefix, len(self.addresses))
        body += b"".join(_packed(address) for address in self.addresses)
        letters = base64.b32encode(body + _check(body)).decode("ascii").rstrip("=").lower()
        return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def key_prefix(key: PublicKey) -> bytes:
    """What of a key stands in a code."""
    return hashlib.sha256(key).digest()[:PREFIX_BYTES]


def parse(text: str) -> Code:
    """The code that was pasted. Raises `BadCode` saying what is wrong with it."""
    if len(text) > LONGEST_TEXT:
        raise BadCode(f"it has {len(text)} characters")
    data = _bytes_of(_FILLING.sub("", text))
    if len(data) < _HEAD.size + _CHECK_BYTES:
        raise BadCode("it is too short; was all of it copied?")
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if check != _check(body):
        raise BadCode("a letter is wrong, or something is missing; copy it again")
    version, secret, prefix, count = _HEAD.unpack_from(body)
    if version != VERSION:
        raise BadCode(f"it is of version {version}, this viscript knows {VERSION}; upgrade this one")
    return Code(secret, prefix, tuple(_unpacked(body[_HEAD.size :], count)))


def parse_address(text: str, port: int) -> Address:
    """`HOST`, `HOST:PORT` or `[IPV6]:PORT`; `port` where none is given. Raises `VerbError` USAGE."""
    host, told = _split_port(text)
    if told and not (told.isdecimal() and 0 < int(told) < 1 << 16):
        raise VerbError(ExitCode.USAGE, f"{text}: a port is 1 to 65535")
    if not _is_ip(host) and not (_NAME.fullmatch(host) and len(host) <= LONGEST_NAME):
        raise VerbError(ExitCode.USAGE, f"{text} is no address; say HOST, HOST:PORT or [IPV6]:PORT")
    return Address(host, int(told) if told else port)


def _split_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, told = text[1:].partition("]")
        return host, told.removeprefix(":")
    if text.count(":") == 1:
        host, _, told = text.partition(":")
        return host, told
    return text, ""


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _bytes_of(letters: str) -> bytes:
    if not _LETTERS.fullmatch(letters):
        raise BadCode("letters and the digits 2 to 7 are expected")
    try:
        return base64.b32decode(letters.upper() + "=" * (-len(letters) % 8), map01="L")
    except (binascii.Error, ValueError) as exc:
        raise BadCode("its end is missing; was all of it copied?") from exc


def _check(body: bytes) -> bytes:
    return hashlib.sha256(_CHECK_CONTEXT + body).digest()[:_CHECK_BYTES]


def _packed(address: AnyAddress) -> bytes:
    if isinstance(address, MeshAddress):
        return bytes([_VISOR, len(address.visor)]) + address.visor
    port = _PORT.pack(address.port)
    if _is_ip(address.host):
        ip = ipaddress.ip_address(address.host)
        payload, kind = ip.packed + port, _IPV4 if ip.version == 4 else _IPV6
    else:
        payload, kind = address.host.encode("ascii") + port, _HOST_NAME
    return bytes([kind, len(payload)]) + payload


def _unpacked(rest: bytes, count: int) -> Iterator[AnyAddress]:
    for payload, kind in _pieces(rest, count):
        address = _address(kind, payload)
        if address is not None:
            yield address


def _pieces(rest: bytes, count: int) -> Iterable[tuple[bytes, int]]:
    for _ in range(count):
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise BadCode("its addresses are cut off")
        yield rest[2 : 2 + rest[1]], rest[0]
        rest = rest[2 + rest[1] :]
    if rest:
        raise BadCode("more follows than its addresses")


def _address(kind: int, payload: bytes) -> AnyAddress | None:
    """The address of a piece; None for a kind that is not known. Raises `BadCode`."""
    if kind == _VISOR:
        if len(payload) != _VISOR_BYTES:
            raise BadCode("one of its addresses is none")
        return MeshAddress(payload)
    host, port = payload[: -_PORT.size], payload[-_PORT.size :]
    sizes = {_IPV4: 4, _IPV6: 16}
    if kind not in (*sizes, _HOST_NAME):
        return None
    if len(payload) <= _PORT.size or len(host) != sizes.get(kind, len(host)):
        raise BadCode("one of its addresses is none")
    text = str(ipaddress.ip_address(host)) if kind in sizes else host.decode("ascii", "replace")
    if kind == _HOST_NAME and not (_NAME.fullmatch(text) and len(text) <= LONGEST_NAME):
        raise BadCode("one of its addresses is none")
    return Address(text, _PORT.unpack(port)[0])
