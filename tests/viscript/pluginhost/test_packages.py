"""Plugins of installed packages, and what it takes to look for them."""

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from viscript.pluginhost import packages

ENTRY = "[viscript.plugins]\nmine = my.module:plugin\n[other]\nx = y\n"


class Installed(metadata.Distribution):
    """A package with an entry point, without a package."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        if self._text is None:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "torn")
        return {"entry_points.txt": self._text, "METADATA": "Name: x\nVersion: 1.2\n"}.get(filename)

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_packages_offer_plugins_by_entry_point_and_a_torn_one_harms_nobody() -> None:
    good = Installed(ENTRY)
    found = packages.of_distributions([Installed(None), good, good])
    assert [(one.name, one.target, one.version) for one in found if not one.fault] == [
        ("mine", "my.module:plugin", "1.2")
    ]
    assert next(one.fault for one in found if one.fault).startswith("unreadable metadata")


def install(folder: Path, name: str, entry_points: str | None) -> Path:
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    if entry_points is not None:
        (info / "entry_points.txt").write_text(entry_points)
    return info


def found(*folders: Path) -> list[tuple[str, str, str]]:
    return [(one.name, one.target, one.version) for one in packages.in_packages(map(str, folders))]


def test_a_package_on_the_path_offers_its_plugins(tmp_path: Path) -> None:
    install(tmp_path, "good", ENTRY)
    install(tmp_path, "plain", None)
    install(tmp_path, "tool", "[console_scripts]\ntool = tool:main\n")
    (tmp_path / "old.egg-info").write_text("Name: old\n")
    assert found(tmp_path, tmp_path / "gone") == [("mine", "my.module:plugin", "1.2")]


def test_the_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    install(tmp_path / "a", "one", "[viscript.plugins]\nmine = one\n")
    install(tmp_path / "b", "two", "[viscript.plugins]\nmine = two\n")
    assert found(tmp_path / "b", tmp_path / "a") == [("mine", "two", "1.2")]


def test_an_archive_on_the_path_is_looked_into(tmp_path: Path) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("packed-1.2.dist-info/METADATA", "Name: packed\nVersion: 1.2\n")
        file.writestr("packed-1.2.dist-info/entry_points.txt", ENTRY)
    assert found(archive) == [("mine", "my.module:plugin", "1.2")]


def test_a_list_that_cannot_be_opened_offers_nothing(tmp_path: Path) -> None:
    (install(tmp_path, "torn", None) / "entry_points.txt").mkdir()
    assert found(tmp_path) == []


def test_a_list_that_cannot_be_read_is_a_fault_by_name(tmp_path: Path) -> None:
    info = install(tmp_path, "torn", None)
    (info / "entry_points.txt").write_bytes(b"[viscript.plugins]\n\xff = x\n")
    (one,) = packages.in_packages([str(tmp_path)])
    assert "unreadable metadata" in one.fault
    assert "torn-1.2.dist-info" in one.fault


def test_the_path_is_that_of_imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path, "here", ENTRY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [""])
    assert [one.name for one in packages.in_packages()] == ["mine"]


def test_a_daemon_loads_nothing_it_may_never_need() -> None:
    """Each of these takes a quarter of a MB to 2.5 MB, in every daemon."""
    dear = "importlib.metadata email http.client wcwidth argparse gettext statistics difflib"
    code = "import sys, viscript.daemon.program; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert not set(dear.split()) & set(ran.stdout.split())
