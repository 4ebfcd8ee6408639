"""A stream to or from another host, with the faults that people are told."""

from __future__ import annotations

from collections.abc import Mapping

from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey
from signal_bus.peers.stream import Stream as Bytes
from viscript.cluster.links.api import HostAway, StreamRefused


class HostStream:
    """Implements `viscript.cluster.links.api.Stream`."""

    def __init__(self, stream: Bytes, label: str, key: PublicKey) -> None:
        self._stream = stream
        self._label = label
        self._key = key

    @property
    def meta(self) -> Mapping[str, str]:
        """What the opener said of it."""
        return self._stream.meta

    async def read(self) -> bytes:
        """The next bytes, as many as are there; empty at the end. Raises `HostAway` or `StreamRefused`."""
        try:
            return await self._stream.read()
        except RemoteError as exc:
            raise StreamRefused(exc.code, exc.text) from exc
        except OSError as exc:
            raise HostAway(self._label, self._key, str(exc)) from exc

    async def write(self, data: bytes) -> None:
        """Take bytes; waits while the other end does not read. Raises `HostAway` or `StreamRefused`."""
        try:
            await self._stream.write(data)
        except RemoteError as exc:
            raise StreamRefused(exc.code, exc.text) from exc
        except BrokenPipeError as exc:
            raise StreamRefused("closed", "the other end reads no more") from exc
        except OSError as exc:
            raise HostAway(self._label, self._key, str(exc)) from exc

    def end(self) -> None:
        """No more comes from here; reading goes on."""
        self._stream.end()

    async def close(self, code: str = "", text: str = "") -> None:
        """Done with it, in both directions; a code tells the other end that something is wrong."""
        await self._stream.close(code, text)
