"""One line of `doctor`: what was looked at, how it stands, what to do."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one check; `fix` is empty where nothing is to be done."""

    check: str
    status: Literal["pass", "warn", "fail"]
    text: str
    fix: str = ""


def good(check: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(check=check, status="pass", text=text)


def doubtful(check: str, text: str, fix: str = "") -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding(check=check, status="warn", text=text, fix=fix)


def bad(check: str, text: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(check=check, status="fail", text=text, fix=fix)
