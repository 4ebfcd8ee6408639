"""Driver of runit and s6. They have no server: a client reads and writes the files of each service."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

from bench.drivers.loop import serve, settings

# The FIFO that tells whether somebody supervises, the status file's pid field, where it stands.
KINDS = {"runit": ("ok", "<I", 12), "s6": ("control", ">Q", 24)}


def status(kind: str) -> Callable[[str], int]:
    """Reads the pid of a service's process, 0 for none; raises `OSError` when nobody supervises it."""
    fifo, form, place = KINDS[kind]

    def read(folder: str) -> int:
        os.close(os.open(f"{folder}/supervise/{fifo}", os.O_WRONLY | os.O_NONBLOCK))
        pid: int = struct.unpack_from(form, Path(f"{folder}/supervise/status").read_bytes(), place)[0]
        return pid

    return read


def order_down(folders: list[str]) -> None:
    """Write the order to stop to each."""
    for folder in folders:
        fifo = os.open(f"{folder}/supervise/control", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fifo, b"d")
        os.close(fifo)


def main() -> None:
    """Serve operations on the services that the settings name."""
    told = settings()
    read, folders = status(told["kind"]), told["folders"]
    serve(
        {
            "status_all": lambda: sum(read(folder) > 0 for folder in folders),
            "stop_all": lambda: order_down(folders),
        }
    )


if __name__ == "__main__":
    main()
