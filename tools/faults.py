"""What can go wrong on a fresh machine, and what the person is told."""


class BootError(Exception):
    """The set-up cannot go on; the sentence says why and what to do."""


# The first pattern found in pip's output decides. Most telling first: pip adds the vaguer ones to the others.
PIP_FAULTS = (
    ("DO NOT MATCH THE HASHES", "a downloaded package is not the one that was pinned; nothing was installed"),
    ("No space left on device", "the disk is full"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the package index shows a certificate this machine does not trust (PIP_CERT)",
    ),
    ("Failed to establish a new connection", "the package index cannot be reached; is there a network?"),
    ("NameResolutionError", "the package index cannot be reached; is there a network?"),
    ("Max retries exceeded", "the package index cannot be reached; is there a network?"),
    ("Connection to ", "the package index cannot be reached; is there a network?"),
    ("No matching distribution found", "there is no ready-made package for this Python and machine"),
)


def explain_pip(output: str) -> str:
    """One sentence for a failed `pip install`, with pip's own last error behind it."""
    errors = [line.strip() for line in output.splitlines() if line.strip().startswith("ERROR:")]
    own = errors[-1].removeprefix("ERROR:").strip() if errors else "no message"
    for pattern, sentence in PIP_FAULTS:
        if pattern in output:
            return f"{sentence} (pip: {own})"
    return f"pip failed: {own}"
