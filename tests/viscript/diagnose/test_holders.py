import pytest

from viscript.diagnose.holders import default_holders
from viscript.diagnose.linux import LinuxHolders
from viscript.diagnose.portable import PortableHolders


def test_the_environment_forces_the_portable_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISCRIPT_PORTABLE", raising=False)
    assert isinstance(default_holders(), LinuxHolders)
    monkeypatch.setenv("VISCRIPT_PORTABLE", "1")
    assert isinstance(default_holders(), PortableHolders)
