from pathlib import Path

from viscript.diagnose.doctor import examine, versions
from viscript.home import find_home, make_home


def test_every_check_reports_and_what_failed_has_a_fix(short_tmp: Path) -> None:
    home = find_home({"VISCRIPT_HOME": str(short_tmp / "h")})
    make_home(home)
    findings = examine(home)
    assert len({finding.check for finding in findings}) == len(findings) >= 9
    assert all(finding.text for finding in findings)
    assert all(finding.fix for finding in findings if finding.status == "fail")


def test_versions_that_differ_are_told() -> None:
    assert versions("1.0", "1.0", "1.0").status == "pass"
    assert versions("1.1", "1.0", "1.0").status == "warn"
    assert versions("1.0", "1.0", "0.9").status == "warn"
