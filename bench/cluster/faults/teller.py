"""An app that says ten times a second that it runs: host, app, fence, pid, time. Run as a file.

teller.py FILE APP
"""

import os
import sys
import time

PAUSE_S = 0.1


def main(path: str, app: str) -> None:
    """Append to the file that all hosts share, for ever."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    home = os.path.relpath(os.environ["VISCRIPT_IDENTITY"], os.path.dirname(path)).split("/")[0]
    fence = os.environ.get("VISCRIPT_FENCE", "0")
    while True:
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        os.write(file, f"{home} {app} {fence} {os.getpid()} {now:.4f}\n".encode())
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
