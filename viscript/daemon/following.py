"""Lines an app writes from now on, for checks that wait for one of them."""

from __future__ import annotations

from collections.abc import Callable

from viscript.logs.bell import Bell
from viscript.logs.reader import LogReader
from viscript.supervisor.supervisor import Supervisor


class Following:
    """Implements `checking.Follow` over the log folders."""

    def __init__(self) -> None:
        self.supervisor: Supervisor | None = None

    async def __call__(self, seq: int, each: Callable[[str], bool]) -> None:
        """Hand each line of the present run to `each` until it answers true."""
        assert self.supervisor is not None
        instance = self.supervisor.instance(seq)
        reader, bell = LogReader(instance.log_dir), Bell()
        end = self.supervisor.output_changed(seq, bell.ring)
        try:
            start = reader.at_time(instance.started_at or 0.0)
            async for line in reader.follow(start, bell=bell):
                if each(line.text):
                    return
        finally:
            end()
