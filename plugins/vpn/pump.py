"""Packets between a TUN device and a stream: all that is there in one go, with frames of other kinds between.

Both directions reuse one buffer each. A stream that takes no more stops the reading of the device, whose own
queue then drops what is too much, as any slow cable does. Frames that are no packets wait in a bounded space;
one that does not fit is lost, which their senders expect of a network.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plugins.vpn.tun import Tun
from plugins.vpn.wire import HEAD, MOST, Kind, VpnWireError, frame, frames, head

BATCH: Final = 256 * 1024  # bytes of packets that go at once
_BUFFER: Final = BATCH + HEAD + MOST
_WAITING_MOST: Final = 128 * 1024

Other = Callable[[Kind, bytes], None]


@dataclass
class Count:
    """What went through."""

    sent: int = 0
    received: int = 0
    dropped: int = 0  # packets the device did not take

    def __add__(self, other: Count) -> Count:
        """Both together."""
        return Count(self.sent + other.sent, self.received + other.received, self.dropped + other.dropped)


class Pump:
    """Runs from its making until `close`. `over` is called once, when the stream has ended or broke."""

    def __init__(
        self, tun: Tun, sock: socket.socket, rest: bytes, *, other: Other, over: Callable[[str], None]
    ) -> None:
        self.count = Count()
        self.heard = 0.0  # when the last bytes came, by the loop's clock
        self._tun, self._sock = tun, sock
        self._other, self._over = other, over
        self._loop = asyncio.get_running_loop()
        self._out = memoryview(bytearray(_BUFFER))
        self._unsent = self._out[:0]
        self._waiting = bytearray()
        self._in = memoryview(bytearray(_BUFFER))
        self._kept = len(rest)
        self._in[: self._kept] = rest
        self._open = True
        self.heard = self._loop.time()
        self._loop.add_reader(self._sock, self._from_stream)
        self._loop.add_reader(self._tun.descriptor, self._from_device)
        self._loop.call_soon(self._take)

    def close(self) -> None:
        """Stop, and close the stream; the device stays."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._tun.descriptor)
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()

    def say(self, kind: Kind, body: bytes) -> bool:
        """Send a frame that is no packet; whether there was room for it."""
        if not self._open or len(self._waiting) + HEAD + len(body) > _WAITING_MOST:
            return False
        self._waiting += frame(kind, body)
        if not self._unsent:
            self._send(0)
        return True

    # -- device to stream

    def _from_device(self) -> None:
        at = 0
        try:
            while at < BATCH:
                size = os.readv(self._tun.descriptor, [self._out[at + HEAD :]])
                if not size:
                    self._end("the device is gone")
                    return
                self._out[at : at + HEAD] = head(Kind.PACKET, size)
                at += HEAD + size
        except BlockingIOError:
            pass  # no more for now
        except OSError as exc:
            self._end(f"the device: {exc.strerror}")
            return
        self._send(at)

    def _send(self, size: int) -> None:
        """Send so much of the buffer, then what waits."""
        self._unsent = self._out[:size]
        self._flush()
        if self._unsent:
            self._loop.remove_reader(self._tun.descriptor)
            self._loop.add_writer(self._sock, self._go_on)

    def _go_on(self) -> None:
        self._flush()
        if self._open and not self._unsent:
            self._loop.remove_writer(self._sock)
            self._loop.add_reader(self._tun.descriptor, self._from_device)

    def _flush(self) -> None:
        try:
            while self._open:
                if not self._unsent:
                    if not self._waiting:
                        return
                    self._unsent = memoryview(bytes(self._waiting))
                    self._waiting.clear()
                size = self._sock.send(self._unsent)
                self.count.sent += size
                self._unsent = self._unsent[size:]
        except BlockingIOError:
            return
        except OSError as exc:
            self._end(f"the stream broke: {exc.strerror}")

    # -- stream to device

    def _from_stream(self) -> None:
        try:
            size = self._sock.recv_into(self._in[self._kept :])
        except BlockingIOError:
            return
        except OSError as exc:
            self._end(f"the stream broke: {exc.strerror}")
            return
        if not size:
            self._end("the other end closed the stream")
            return
        self.heard = self._loop.time()
        self.count.received += size
        self._kept += size
        self._take()

    def _take(self) -> None:
        """Pass on the whole frames that are there, and keep the rest."""
        done = 0
        try:
            for kind, start, end in frames(self._in[: self._kept]):
                done = end
                if kind is Kind.PACKET:
                    self._deliver(self._in[start:end])
                else:
                    self._other(kind, bytes(self._in[start:end]))
                if not self._open:
                    return
        except VpnWireError as exc:
            self._end(f"the other end broke the protocol: {exc}")
            return
        rest = self._kept - done
        if done and rest:
            self._in[:rest] = bytes(self._in[done : self._kept])
        self._kept = rest

    def _deliver(self, packet: memoryview) -> None:
        try:
            os.write(self._tun.descriptor, packet)
        except OSError:  # no packet that this kernel takes, or no room: lost, as on any network
            self.count.dropped += 1

    def _end(self, why: str) -> None:
        if self._open:
            self.close()
            self._over(why)
