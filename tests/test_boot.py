import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BOOT = ROOT / "boot.py"
OLD = ("python2.7", "python3.5", "python3.6", "python3.7", "python3.8", "python3.9", "python3.10")

# Syntax that Python 2.7 cannot read; it would raise before the version check could speak.
TOO_NEW = (
    ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.Starred, ast.AsyncFunctionDef, ast.Await,
    ast.Match, ast.TryStar, ast.YieldFrom,
)  # fmt: skip


def boot(*args: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    start = [str(BOOT)] if code is None else ["-c", code]
    return subprocess.run([sys.executable, *start, *args], capture_output=True, text=True, check=False)


def test_boot_py_holds_nothing_python_2_could_not_read() -> None:
    tree = ast.parse(BOOT.read_text())
    for node in ast.walk(tree):
        assert not isinstance(node, TOO_NEW), ast.dump(node)
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
            assert not node.args.kwonlyargs
            assert not node.args.posonlyargs
            assert all(argument.annotation is None for argument in node.args.args)


def test_every_old_python_of_this_machine_is_told_what_to_use() -> None:
    for name in filter(shutil.which, OLD):
        if subprocess.run([name, "-c", ""], capture_output=True, check=False).returncode:
            continue  # a version manager's stand-in for a Python that is not selected
        answer = subprocess.run([name, str(BOOT), "up"], capture_output=True, text=True, check=False)
        assert answer.returncode == 1
        assert "Python 3.11 or newer is needed" in answer.stderr
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("version", ["(2, 7, 18)", "(3, 5, 2)", "(3, 10, 13)"])
def test_an_old_version_is_refused_in_one_line(version: str) -> None:
    code = (
        f"import runpy, sys; sys.version_info = {version}; runpy.run_path({str(BOOT)!r}, run_name='__main__')"
    )
    answer = boot(code=code)
    assert answer.returncode == 1
    assert answer.stderr.startswith("boot: Python 3.11 or newer is needed, ")
    assert answer.stderr.count("\n") == 1


def test_without_a_command_the_usage_is_an_error() -> None:
    answer = boot()
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: python3 boot.py up")


def test_an_unknown_command_is_a_usage_error() -> None:
    assert boot("sideways").returncode == 2


def test_help_is_no_error() -> None:
    answer = boot("--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage: ")
    assert not answer.stderr


def test_boot_py_is_found_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(BOOT), "-h"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0
