"""The text of the systemd units."""

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from viscript.local.units import DAEMON, KEEPER, Site, units


def site(*, system: bool = True, config: str | None = None, home: str = "/var/lib/viscript") -> Site:
    return Site(
        python=sys.executable, home=home, environment=(("VISCRIPT_HOME", home),), config=config, system=system
    )


def read(text: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys keep their case
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("system", [True, False])
def test_the_keeper_outlives_the_daemon_and_an_app_without_memory(system: bool) -> None:
    keeper, daemon = (read(units(site(system=system))[name]) for name in (KEEPER, DAEMON))
    assert keeper["Service"]["KillMode"] == "process"
    assert keeper["Service"]["OOMPolicy"] == "continue"
    assert keeper["Service"]["Delegate"] == "yes"
    assert daemon["Service"]["Type"] == "notify"
    assert daemon["Service"]["Restart"] == "always"
    assert daemon["Service"]["NoNewPrivileges"] == "yes"
    assert daemon["Unit"]["After"] == daemon["Unit"]["Wants"] == KEEPER
    assert "BindsTo" not in daemon["Unit"]
    assert daemon["Install"]["WantedBy"] == ("multi-user.target" if system else "default.target")


def test_odd_paths_are_quoted_as_systemd_reads_them() -> None:
    text = units(site(config='/a b/100%/"c".yaml', home="/my home"))[DAEMON]
    assert '--config "/a b/100%%/\\"c\\".yaml"' in text
    assert 'Environment="VISCRIPT_HOME=/my home"' in text
    assert 'ReadWritePaths="/my home" /tmp /run' in text


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return  # the machine has no systemd to ask
    for name, text in units(site(config="/etc/viscript.yaml")).items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / name) for name in (KEEPER, DAEMON))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "viscript" in line]
    assert complaints == []
