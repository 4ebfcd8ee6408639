"""The wheel: the four packages, the sample configuration, and a program that runs once installed."""

import configparser
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("signal_bus", "viscript", "components", "plugins")
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "config.yaml")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves folders behind in the tree it is given."""
    copy = tmp_path_factory.mktemp("sdist")
    for package in (*PACKAGES, "tools", "tests/support"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(copy / "out"),
            str(copy),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (copy / "out").iterdir()
    return built


def test_the_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_the_four_packages_and_the_sample_configuration(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert {top for top in tops if not top.endswith(".data")} == set(PACKAGES)
    assert [name.split(".data/")[1] for name in names if ".data/" in name] == [
        "data/share/viscript/config.yaml"
    ]


def test_the_wheel_holds_every_module_and_type_mark(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= names
    assert {"signal_bus/py.typed", "viscript/py.typed"} <= names


def test_the_installed_program_says_its_version(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment holds the wheel alone; the libraries are lent to it, the source tree is not."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # A .pth file that is lent this way is not read again, so the editable install does not shine through.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    module, function = _script(site)
    done = subprocess.run(
        [
            str(venv / "bin" / "python"),
            "-P",
            "-c",
            f"import sys, {module}; sys.exit({module}.{function}())",
            "version",
        ],
        env={"VISCRIPT_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "0.1.0" in done.stdout


def _script(site: Path) -> tuple[str, str]:
    """Module and function of the console script `viscript`."""
    (entry_points,) = site.glob("viscript-*.dist-info/entry_points.txt")
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read(entry_points)
    module, function = parser["console_scripts"]["viscript"].split(":")
    return module, function
