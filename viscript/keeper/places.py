"""Where a keeper's things are, and what its exit code means to who started it."""

from typing import Final, NamedTuple

APP_NOFILE: Final = "VISCRIPT_APP_NOFILE"  # the soft limit of open files before its starter raised it
ALREADY_RUNNING: Final = 3  # another keeper holds this home: fine for who only wants one to be there


class Places(NamedTuple):
    """Where this keeper's things are."""

    root: str  # the home; its path is what tags are made of
    run: str  # keeper.sock
    state: str  # keeper.lock, journal, FIFOs

    @property
    def socket(self) -> str:
        """The keeper's door."""
        return f"{self.run}/keeper.sock"

    @property
    def lock(self) -> str:
        """Held by the one keeper of a home; among the sockets, a clean-up could take it away."""
        return f"{self.state}/keeper.lock"

    @property
    def journal(self) -> str:
        """What survives a kill."""
        return f"{self.state}/journal"

    @property
    def fifos(self) -> str:
        """Where apps' FIFOs are."""
        return f"{self.state}/fifo"
