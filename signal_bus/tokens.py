"""What a token is, and what follows from it. Pure.

A token is the secret of one launch, for a program that joins over tcp, where no kernel says who it is. Two
things come of it: the CURVE key pair that opens the tcp door to this launch, and the word in its `hello`.

token         64 hexadecimal digits, in lower case
CURVE key     secret = HKDF-SHA256(the 32 bytes, info="viscript app curve 1")
"""

import hmac
import re
from typing import Final

from signal_bus.errors import CallerError
from signal_bus.identity import CurvePair, curve_pair, hkdf

CURVE_CONTEXT: Final = b"viscript app curve 1"
_FORM: Final = re.compile("[0-9a-f]{64}", re.ASCII)


def is_token(text: str) -> bool:
    """Whether this has the form of a token."""
    return _FORM.fullmatch(text) is not None


def curve_of(token: str) -> CurvePair:
    """The key pair of the launch that holds this token. Raises `CallerError`, without the token in it."""
    if not is_token(token):
        raise CallerError("that is no token: it has 64 hexadecimal digits")
    return curve_pair(hkdf(bytes.fromhex(token), CURVE_CONTEXT))


def same(given: str, expected: str) -> bool:
    """Whether somebody gave the token that was expected, in a time that tells nothing about it."""
    return hmac.compare_digest(given.encode(), expected.encode())
