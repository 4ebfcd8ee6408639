"""The shells' completion scripts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor, Line
from tests.support.locally import client, run
from viscript.local.completion import SCRIPTS


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_each_shell_has_its_script(tmp_path: Path, capfd: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(client(tmp_path), "completion", shell) == 0
    out = capfd.readouterr().out
    assert "viscript --complete" in out
    assert out.endswith("\n")


def test_bash_completes_live_operands(short_tmp: Path) -> None:
    bash = shutil.which("bash")
    assert bash, "bash is part of every machine the tests run on"
    (short_tmp / "viscript").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m viscript "$@"\n')
    (short_tmp / "viscript").chmod(0o755)
    script = SCRIPTS["bash"] + (
        'COMP_LINE="viscript ping 1"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(viscript ping 1); COMP_CWORD=2\n'
        '_viscript; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )

    def completions(text: str) -> Line:
        return {"items": [{"text": word, "meta": "web", "start": 5} for word in ("1", "17", "2")], "hint": ""}

    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.completions = completions
        done = subprocess.run(
            [bash, "--norc", "-c", script], capture_output=True, text=True, check=True,
            env={"PATH": f"{short_tmp}:/usr/bin:/bin", "VISCRIPT_HOME": str(short_tmp)},
        )  # fmt: skip
        assert door.requests[0]["complete"] == {"text": "ping 1", "cursor": 6}
    assert done.stdout.split() == ["1", "17"]


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_a_shell_that_is_here_can_read_its_script(shell: str) -> None:
    found = shutil.which(shell)
    if found:
        subprocess.run([found, "-n"], input=SCRIPTS[shell], text=True, check=True)
