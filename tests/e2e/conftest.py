"""Every test here starts real processes, so every test here is checked for leaving some behind."""

import pytest


@pytest.fixture(autouse=True)
def _leaves_no_process(no_strays: None) -> None:
    """Ask for the check on behalf of each test."""
