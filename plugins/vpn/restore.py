"""`python -P -m plugins.vpn.restore [FOLDER]`: takes back what vpn apps that run no more have changed.

FOLDER is where the apps of a home keep their state (HOME/state); left out, it is found by $VISCRIPT_STATE,
as a daemon starts it. Exit codes: 0 all is as before, 1 something could not be taken back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from plugins.vpn import needs
from plugins.vpn.host import Host, HostError
from plugins.vpn.journal import NAME, Journal, JournalError
from plugins.vpn.needs import Lacking
from plugins.vpn.options import default_state
from plugins.vpn.plan import EXIT_WISH
from plugins.vpn.undo import Undoable


def main(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Take everything back; the answer is the exit code."""
    folder = Path(words[0]) if words else default_state(environ, "vpn-restore").parent
    code = 0
    for path in sorted(folder.glob(f"*/{NAME}")):
        try:
            print(f"{path.parent.name}: {restored(path.parent)}", flush=True)
        except (Lacking, HostError, JournalError, OSError) as exc:
            print(f"vpn-restore: {path.parent.name}: {exc}", file=sys.stderr)
            code = 1
    return code


def restored(folder: Path) -> str:
    """What was done about one journal. Raises `Lacking` while its app runs, `HostError`, `JournalError`."""
    journal = Journal(folder)
    record = journal.open()
    if record is None:
        return "nothing was left"
    with needs.lock("server" if record.wish == EXIT_WISH else "client"):
        count = len(record.entries)
        Undoable(journal, Host()).undo()
    return f"took {count} changes back"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
