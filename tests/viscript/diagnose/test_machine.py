import sys

import pytest

from viscript.diagnose.machine import clock, descriptors, kernel, kernel_features, python

ALL = {"pidfd": True, "splice": True}
NOW = 1_800_000_000.0


@pytest.mark.parametrize("version, status", [((3, 11, 0), "pass"), ((4, 0, 0), "pass"), ((3, 10, 9), "fail")])
def test_python_is_new_enough(version: tuple[int, ...], status: str) -> None:
    assert python(version).status == status


@pytest.mark.parametrize(
    "platform, release, features, status",
    [
        ("linux", "6.18.1-generic", ALL, "pass"),
        ("linux", "6.15", ALL, "pass"),
        ("linux", "6.1.0-13-amd64", ALL, "warn"),
        ("linux", "weird", ALL, "warn"),
        ("linux", "6.18.1", {"pidfd": False}, "warn"),
        ("darwin", "23.0", {}, "warn"),
    ],
)
def test_the_kernel_has_what_is_used(
    platform: str, release: str, features: dict[str, bool], status: str
) -> None:
    assert kernel(platform, release, features).status == status


def test_what_is_missing_is_named() -> None:
    assert "pidfd, splice" in kernel("linux", "6.18", {"splice": False, "pidfd": False}).text
    assert all(kernel_features().values()) is (sys.platform == "linux")


@pytest.mark.parametrize("hard, status", [(524288, "pass"), (-1, "pass"), (4096, "pass"), (1024, "warn")])
def test_enough_files_can_be_open(hard: int, status: str) -> None:
    assert descriptors(1024, hard).status == status


@pytest.mark.parametrize(
    "now, written, status",
    [
        (NOW, None, "pass"),
        (NOW, NOW - 1000, "pass"),
        (NOW, NOW + 10, "pass"),
        (NOW, NOW + 3600, "warn"),
        (0.0, None, "fail"),
    ],
)
def test_the_clock_can_be_right(now: float, written: float | None, status: str) -> None:
    assert clock(now, written).status == status
