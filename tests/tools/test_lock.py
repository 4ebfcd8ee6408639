"""The lock files: pinned, hashed, complete, and free of anybody's index or folder."""

import re
from pathlib import Path

import pytest

from tools.lock import LOCKS, command

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)( ; .*)? \\$")


def pins(lock: str) -> dict[str, str]:
    found = (PIN.match(line) for line in (ROOT / lock).read_text().splitlines())
    return {match["name"]: match["version"] for match in found if match}


def wanted(source: str) -> set[str]:
    lines = [line.partition(";")[0].strip() for line in (ROOT / source).read_text().splitlines()]
    return {line.lower().replace("_", "-") for line in lines if line and not line.startswith(("#", "-"))}


@pytest.mark.parametrize("source, lock", LOCKS)
def test_every_wanted_package_is_pinned(source: str, lock: str) -> None:
    assert wanted(source) <= pins(lock).keys()


@pytest.mark.parametrize("lock", [lock for _, lock in LOCKS])
def test_every_line_is_a_pin_a_hash_or_a_comment(lock: str) -> None:
    for line in (ROOT / lock).read_text().splitlines():
        assert PIN.match(line) or line.startswith(("#", "    #", "    --hash=sha256:")), line


def test_the_tools_come_on_top_of_the_same_runtime() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_the_runtime_lock_holds_what_setup_cfg_asks_for() -> None:
    section = (ROOT / "setup.cfg").read_text().split("install_requires =\n", 1)[1].split("\n\n", 1)[0]
    asked = {re.split(r"[<>=]", line.strip())[0].lower().replace("_", "-") for line in section.splitlines()}
    assert asked | {"setuptools", "wheel"} == wanted("requirements.in")


def test_locks_are_made_with_hashes_for_every_platform_and_without_urls() -> None:
    argv = command("uv", "requirements.in", "requirements.lock")
    assert {"--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"} <= set(argv)
