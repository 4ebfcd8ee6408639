"""Commands and kernel settings."""

from pathlib import Path

import pytest

from plugins.vpn.changes import Run, Sysctl, Write
from plugins.vpn.host import Host, HostError, run


def test_a_setting_is_read_with_its_company_and_written(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "forwarding").write_text("0\n")
    host = Host(tmp_path)
    change = Sysctl("a/forwarding", "1", ("*/forwarding",))
    assert host.before(change) == {"a/forwarding": "0", "b/forwarding": "0"}
    host.do(Write("a/forwarding", "1"))
    assert (tmp_path / "a" / "forwarding").read_text() == "1"
    host.do(Write("gone/forwarding", "1"))


def test_a_setting_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(HostError, match="sysctl -w a=1: Is a directory"):
        Host(tmp_path).do(Write("a", "1"))


def test_a_command_tells_what_it_said() -> None:
    assert run(Run(("cat",), "hello")) == "hello"
    with pytest.raises(HostError, match="No such file"):
        run(Run(("cat", "/nowhere")))
    run(Run(("cat", "/nowhere"), fine=("No such file",)))
    with pytest.raises(HostError, match="exit 1"):
        run(Run(("false",)))
    with pytest.raises(HostError, match="nowhere"):
        run(Run(("/nowhere",)))
