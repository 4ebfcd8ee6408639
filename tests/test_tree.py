"""Rules of the tree that no linter knows: twins, sizes, empty package files, nothing of anybody's machine."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("signal_bus", "viscript", "components", "plugins", "tools")
LINES_A_FILE = 400
LINES_A_FUNCTION = 60

# Modules without a test of their own, and why.
NO_TWIN = {
    "components/visor/links/api.py": "protocols and rows only",
    "components/visor/links/limits.py": "numbers only",
    "components/node_manager/limits.py": "numbers only",
    "components/node_manager/part.py": "what the pages of each part share; they test it",
    "components/node_manager/plan.py": "types only",
    "components/visor/apps/dialler.py": "protocols and one tuple of words; joints implements them",
    "components/visor/apps/limits.py": "numbers only",
    "components/visor/apps/messages.py": "types only; test_codec has one of each",
    "components/visor/plane/limits.py": "numbers only",
    "components/visor/plane/loop.py": "one protocol; an asyncio loop has it",
    "components/visor/plane/streams/api.py": "protocols and words only",
    "components/visor/plane/streams/errors.py": "three exception types; each raise is tested where it stands",
    "components/visor/plane/streams/limits.py": "numbers only",
    "components/visor/sdk/asked.py": "one protocol; the app implements it",
    "signal_bus/ids.py": "types only",
    "viscript/statestore/rows.py": "types only; each is tested with its verb",
    "viscript/statestore/errors.py": "exception types only; each raise is tested where it stands",
    "viscript/errors.py": "one exception type and a table of codes; each code is tested with its verb",
    "viscript/states.py": "types only",
    "viscript/supervisor/api.py": "types and protocols only",
    "viscript/supervisor/bus_port.py": "one protocol; daemon.busside implements it",
    "viscript/supervisor/keeper_port.py": "one protocol and one exception type; keeper_link implements it",
}

# Written so that this file does not hold what it forbids.
FOREIGN = re.compile(r"[/]root/|[/]work/|pyen[v]|pythonhoste[d]|registry[.]npmjs")
TEXT_MAX = 2_000_000


def tracked() -> list[Path]:
    """Every file that is, or could be, in the repository; without git, every file not made here."""
    if not (ROOT / ".git").exists():
        made = {name.removesuffix("/") for name in (ROOT / ".gitignore").read_text().split()}
        return [
            path
            for path in ROOT.rglob("*")
            if path.is_file() and not made & set(path.relative_to(ROOT).parts)
        ]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_module_has_its_twin_test() -> None:
    missing = [
        name_of(path)
        for path in modules(*PRODUCT)
        if path.stem not in {"__init__", "__main__"}
        and name_of(path) not in NO_TWIN
        and not (ROOT / "tests" / path.relative_to(ROOT).with_name(f"test_{path.name}")).exists()
    ]
    assert not missing, "\n".join(missing)


def test_the_list_of_modules_without_a_twin_is_true() -> None:
    stale = [
        name
        for name in NO_TWIN
        if not (ROOT / name).exists()
        or (ROOT / "tests" / Path(name).with_name(f"test_{Path(name).name}")).exists()
    ]
    assert not stale, "\n".join(stale)


def test_no_package_file_lies_below_tests() -> None:
    assert not [
        name_of(path) for path in (ROOT / "tests").rglob("__init__.py") if "node_modules" not in path.parts
    ]


def test_no_file_is_too_long() -> None:
    long = [name_of(path) for path in modules(*PRODUCT) if len(path.read_text().splitlines()) > LINES_A_FILE]
    assert not long, "\n".join(long)


def test_no_function_is_too_long() -> None:
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in modules(*PRODUCT)
        for node in functions(ast.parse(path.read_text()))
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > LINES_A_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_every_module_says_what_it_holds() -> None:
    assert not [
        name_of(path) for path in modules(*PRODUCT) if not ast.get_docstring(ast.parse(path.read_text()))
    ]


@pytest.mark.parametrize("package", ["components", "plugins"])
def test_the_shared_packages_hold_a_docstring_and_nothing_else(package: str) -> None:
    body = ast.parse((ROOT / package / "__init__.py").read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_every_task_has_an_owner() -> None:
    orphaned = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*PRODUCT)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"create_task", "ensure_future"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"asyncio", "loop"}
    ]
    assert not orphaned, "\n".join(orphaned)


def test_nothing_names_a_machine_or_a_registry() -> None:
    named = []
    for path in tracked():
        content = path.read_bytes()[:TEXT_MAX].decode("utf-8", errors="replace")
        named += [f"{name_of(path)}: {match.group()}" for match in FOREIGN.finditer(content)]
    assert not named, "\n".join(named)
