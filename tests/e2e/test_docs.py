"""What the pages tell people to type is typed: the marked blocks of each, in one shell and scratch home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.docs import PAGES, ROOT, blocks, name_of
from tests.support.home import ScratchHome
from tests.support.programs import free_port

RUN = [page for page in PAGES if any(block.mark == "run" for block in blocks(page))]
PORTS = ("20000", "8000")  # those of the pages may be taken on this machine; each run has others
DEADLINE_S = 90


def test_the_first_minute_is_among_them() -> None:
    assert ROOT / "README.md" in RUN


def with_free_ports(text: str, ports: dict[str, str]) -> str:
    for documented, free in ports.items():
        text = text.replace(documented, free)
    return text


def people(home: ScratchHome) -> dict[str, str]:
    """The environment of somebody who followed the README: `viscript` and its Python are on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    modules = str(ROOT / "tests" / "node" / "node_modules")  # where `npm install zeromq` put it
    return {**home.environ, "PATH": path, "NODE_PATH": modules}


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_says_to_type_works(page: Path, scratch_home: ScratchHome, short_tmp: Path) -> None:
    folder = short_tmp / "people"
    folder.mkdir()
    ports = {port: str(free_port()) for port in PORTS}
    script = ""
    for block in blocks(page):
        if block.mark.startswith("file: "):
            (folder / block.mark.removeprefix("file: ")).write_text(with_free_ports(block.text, ports))
        elif block.mark == "run":
            script += with_free_ports(block.text, ports)
    if page.name == "README.md":  # its reader has come through `boot.py up`
        scratch_home.start_daemon(ROOT / "config.yaml")
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        env=people(scratch_home),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
