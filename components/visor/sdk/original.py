"""The names of Skywire's app library: `Setup(Config(...))`, then Accept, Dial, Addr, Close."""

from dataclasses import dataclass

from components.visor.sdk.client import App
from components.visor.sdk.errors import Misuse
from components.visor.sdk.listener import Listener
from components.visor.sdk.stream import Stream


@dataclass(frozen=True)
class Config:
    """Who the app is. `Port` is where `Accept` takes streams from; `Address` that of the visor."""

    AppName: str
    AppVersion: str = ""
    ProtocolVersion: str = ""
    Port: int = 0
    Address: str | None = None


@dataclass(frozen=True)
class Addr:
    """A public key in hexadecimal, and a port."""

    PubKey: str
    Port: int

    def __str__(self) -> str:
        return f"{self.PubKey}:{self.Port}"


class OriginalApp(App):
    """An `App` with the original's methods."""

    listener: Listener | None = None

    async def Accept(self) -> Stream:  # noqa: N802 (the original's name)
        """The next stream to `Config.Port`."""
        if self.listener is None:
            raise Misuse("no port was configured: Setup(Config(name, Port=...))")
        return await self.listener.accept()

    async def Dial(self, addr: Addr) -> Stream:  # noqa: N802 (the original's name)
        """A stream to an address."""
        return await self.dial(addr.PubKey, addr.Port)

    def Addr(self) -> Addr:  # noqa: N802 (the original's name)
        """Where others reach this app."""
        return Addr(self.key.hex(), self.listener.port if self.listener is not None else 0)

    async def Close(self) -> None:  # noqa: N802 (the original's name)
        """End it, with all its streams."""
        self.close()


async def Setup(config: Config) -> OriginalApp:  # noqa: N802 (the original's name)
    """A connected app; `Close` it. Raises as `App` does."""
    app = OriginalApp.connect(config.Address, name=config.AppName)
    await app.__aenter__()
    if config.Port:
        try:
            app.listener = await app.listen(config.Port)
        except BaseException:
            app.close()
            raise
    return app
