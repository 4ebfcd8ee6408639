"""What the daemon keeps to ask other hosts: the links, and what hosts answered before."""

from __future__ import annotations

from collections.abc import Callable

from viscript.cluster.far.asking import Asking
from viscript.cluster.far.operands import Operands, Run
from viscript.cluster.far.remembered import Remembered
from viscript.cluster.links.api import HostLinks, HostState
from viscript.errors import ExitCode, VerbError


class Far:
    """The other hosts, as commands of this one see them."""

    def __init__(self, links_of: Callable[[], HostLinks | None], run: Run) -> None:
        """`run` gives work a task beside the rest."""
        self._links_of = links_of
        self._remembered = Remembered()
        self.operands = Operands(self.asking, run)

    def hosts(self) -> list[HostState]:
        """All hosts of the cluster, this one too; none without a cluster."""
        links = self._links_of()
        return [] if links is None else links.hosts()

    def links(self) -> HostLinks:
        """The links to them. Raises `VerbError` without a cluster."""
        links = self._links_of()
        if links is None:
            raise VerbError(
                ExitCode.FAILED, "this host is in no cluster", suggestions=("host invite", "host join CODE")
            )
        return links

    def asking(self) -> Asking:
        """Who asks several at once."""
        return Asking(self.links(), self._remembered)
