"""What every test may use, and what every run must keep: no skip in CI, nothing left running by e2e tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from tests.support.home import FOREIGN, ScratchHome
from tests.support.processes import described, end, processes_of

# A busy machine is slow, not wrong. In CI the same examples are tried every time.
settings.register_profile("viscript", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("viscript")
DYING_S = 2.0  # what ends in this moment is not left behind


def pytest_configure() -> None:
    """Forget the home, the colours and the width of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="v", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def no_strays(short_tmp: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a process behind which names its short folder; automatic in tests/e2e."""
    yield
    _, strays = psutil.wait_procs(processes_of(short_tmp), timeout=DYING_S)
    if strays:
        lines = described(strays)
        end(strays)
        pytest.fail(f"{request.node.name} left processes behind: {lines}")


@pytest.fixture
def scratch_home(short_tmp: Path) -> Iterator[ScratchHome]:
    """A home of its own. A daemon that still runs after the test must be able to end all it started."""
    home = ScratchHome(short_tmp / "h")
    home.root.mkdir(mode=0o700)
    yield home
    try:
        home.end_daemon()
    finally:
        home.close()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped or expected failure is a failure: what did not run proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None or exitstatus != pytest.ExitCode.OK:
        return
    unproven = [
        report for kind in ("skipped", "xfailed", "xpassed") for report in reporter.stats.get(kind, [])
    ]
    for report in unproven:
        reporter.write_line(f"not allowed in CI: {report.nodeid} was {report.outcome}", red=True)
    if unproven:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
