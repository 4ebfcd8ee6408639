"""Signed requests to the services: three headers, as Skywire has them. Pure.

SW-Public   who asks: `02` and 64 hexadecimal digits
SW-Nonce    a decimal number: the next one the service expects of this key (GET /security/nonces/KEY)
SW-Sig      128 hexadecimal digits: Ed25519 in the context "viscript http 1 METHOD TARGET" over the bytes of
            the body and then the digits of the nonce; TARGET is path and query as they are asked for

The bytes are Skywire's. The context binds them to what is asked: a signed look-up cannot be sent again as
an order to delete. A service counts up a key's nonce with each signed request it carries out, so none holds
twice.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from components.mesh import keys
from components.mesh.errors import BadKey, CallerError, TagError, WireError
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

PUBLIC: Final = "SW-Public"
NONCE: Final = "SW-Nonce"
SIGNATURE: Final = "SW-Sig"
CONTEXT: Final = "viscript http 1"
LONGEST_CONTEXT: Final = 255
NONCE_DIGITS: Final = 16
SIGNATURE_DIGITS: Final = 128


class Signed(NamedTuple):
    """Who signed a request, and with which number."""

    key: PublicKey
    nonce: int


def headers(identity: Identity, nonce: int, method: str, target: str, body: bytes = b"") -> dict[str, str]:
    """The three headers of a request. Raises `CallerError` for a target that is too long."""
    context = _context(method, target)
    if len(context) > LONGEST_CONTEXT or not 0 <= nonce < 10**NONCE_DIGITS:
        raise CallerError(f"{method} {target[:80]}: too long to be signed, or nonce {nonce} is none")
    signature = identity.sign(context, body + b"%d" % nonce)
    return {PUBLIC: keys.hex66(identity.public_key), NONCE: str(nonce), SIGNATURE: signature.hex()}


def check(given: Mapping[str, str], method: str, target: str, body: bytes = b"") -> Signed:
    """Who signed this request, with a nonce that may be due or not. Raises `WireError` or `TagError`."""
    key, nonce = _who(given), _number(given)
    context = _context(method, target)
    if len(context) > LONGEST_CONTEXT:
        raise WireError(f"a signed request for {len(target)} characters of path")
    text = given.get(SIGNATURE, "")
    try:
        signature = bytes.fromhex(text) if len(text) == SIGNATURE_DIGITS else b""
    except ValueError:
        signature = b""
    if not verify(key, context, body + b"%d" % nonce, signature):
        raise TagError(f"{SIGNATURE} does not hold for {key.hex()}")
    return Signed(key, nonce)


def _who(given: Mapping[str, str]) -> PublicKey:
    text = given.get(PUBLIC, "")
    if not text:
        raise WireError(f"the request must be signed: {PUBLIC}, {NONCE} and {SIGNATURE} are needed")
    try:
        return keys.parse(text)
    except BadKey as exc:
        raise WireError(f"{PUBLIC}: {exc}") from exc


def _number(given: Mapping[str, str]) -> int:
    text = given.get(NONCE, "")
    if not (text.isascii() and text.isdigit() and len(text) <= NONCE_DIGITS) or str(int(text)) != text:
        raise WireError(f"{NONCE} must be a decimal number")
    return int(text)


def _context(method: str, target: str) -> bytes:
    return f"{CONTEXT} {method} {target}".encode("utf-8", "surrogateescape")
