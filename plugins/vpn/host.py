"""This host, as changes need it: commands run, settings read and written. Decides nothing.

It blocks: a command takes milliseconds, and a change that is half done must not be overtaken by its inverse.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from plugins.vpn.changes import SYSCTLS, Before, Run, Step, Sysctl, Write

COMMAND_S: Final = 10.0


class HostError(Exception):
    """The host refused a step: `step` is it, and the sentence has what it said."""

    def __init__(self, step: Step, said: str) -> None:
        super().__init__(f"{step}: {said.strip()}")
        self.step = step


class Host:
    """Where this process runs; `sysctls` is another folder in tests."""

    def __init__(self, sysctls: Path = Path(SYSCTLS)) -> None:
        self._sysctls = sysctls

    def do(self, step: Step) -> None:
        """Raises `HostError`."""
        if isinstance(step, Write):
            self._write(step)
        else:
            run(step)

    def before(self, change: Sysctl) -> Before:
        """The setting and all that move with it, as they are now."""
        paths = [self._sysctls / change.name]
        for pattern in change.moves:
            paths += sorted(self._sysctls.glob(pattern))
        return {
            str(path.relative_to(self._sysctls)): path.read_text().strip() for path in paths if path.exists()
        }

    def _write(self, step: Write) -> None:
        path = self._sysctls / step.name
        try:
            if path.read_text().strip() != step.value:
                path.write_text(step.value)
        except FileNotFoundError:
            return  # an interface that is gone by now
        except OSError as exc:
            raise HostError(step, exc.strerror or str(exc)) from exc


def run(step: Run) -> str:
    """What it printed. Raises `HostError`."""
    try:
        done = subprocess.run(
            step.argv,
            input=step.stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise HostError(step, str(exc)) from exc
    if done.returncode and not any(text in done.stderr for text in step.fine):
        raise HostError(step, done.stderr or f"exit {done.returncode}")
    return done.stdout
