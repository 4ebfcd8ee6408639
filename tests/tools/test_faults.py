import pytest

from tools.faults import explain_pip

NO_WHEEL = """\
ERROR: Could not find a version that satisfies the requirement psutil==7.2.2
ERROR: No matching distribution found for psutil==7.2.2
"""
NO_NETWORK = "WARNING: Retrying after 'NewConnectionError(Failed to establish a new connection)'\n" + NO_WHEEL
BAD_HASH = (
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. ...\n    psutil==7.2.2:\n"
)


@pytest.mark.parametrize(
    "output, begins",
    [
        (NO_NETWORK, "the package index cannot be reached; is there a network? (pip: No matching"),
        (NO_WHEEL, "there is no ready-made package for this Python and machine (pip: No matching"),
        (BAD_HASH, "a downloaded package is not the one that was pinned; nothing was installed (pip: THESE"),
        ("ERROR: something new\n", "pip failed: something new"),
        ("", "pip failed: no message"),
    ],
)
def test_pip_faults_become_one_sentence(output: str, begins: str) -> None:
    assert explain_pip(output).startswith(begins)
    assert "\n" not in explain_pip(output)
