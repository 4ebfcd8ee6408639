"""Identities and finished handshakes for the tests of the mesh."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from components.mesh.aead import Cipher
from components.mesh.handshake import Asked, Dialler, Responder, Secured, Send
from components.mesh.session import Session
from signal_bus.identity import Identity

ALICE, BOB, CAROL = (Identity(bytes([n]) * 32) for n in (1, 7, 9))  # keys that the generator could draw
STRANGE = Identity(b"\x02" * 32)  # its key has bit 255 set
AES_FIRST = (Cipher.AES, Cipher.CHACHA)


def run_to_asked(dialler: Dialler, responder: Responder) -> tuple[Asked, Dialler, Responder]:
    """Both sides, up to where the responder must decide."""
    data, asked = dialler.start(), None
    while asked is None:
        for output in responder.feed(data):
            if isinstance(output, Asked):
                asked = output
            else:
                data = b"".join(out.data for out in dialler.feed(output.data) if isinstance(out, Send))
    return asked, dialler, responder


def secured_pair(port: int = 45) -> tuple[Secured, Secured]:
    """The two ends of a session from Alice to Bob."""
    _, dialler, responder = run_to_asked(
        Dialler(ALICE, BOB.public_key, port, ciphers=AES_FIRST), Responder(BOB, ciphers=AES_FIRST)
    )
    data, theirs = responder.accept()
    (ours,) = dialler.feed(data)
    assert isinstance(ours, Secured)
    return ours, theirs


@contextmanager
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected, non-blocking sockets."""
    one, two = socket.socketpair()
    with one, two:
        one.setblocking(False)
        two.setblocking(False)
        yield one, two


@contextmanager
def sessions(port: int = 46) -> Iterator[tuple[Session, Session]]:
    """The two ends of a session from Alice to Bob, on sockets."""
    ours, theirs = secured_pair(port)
    with sockets() as (one, two):
        yield Session(ours, one), Session(theirs, two)
