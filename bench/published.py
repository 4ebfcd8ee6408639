"""What a bench leaves: a table on the screen, and all of it as JSON in a file."""

import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.report import document, markdown
from bench.results import Failure, Row, Sample

RESULTS: Final = Path(__file__).parent / "results"


def publish(
    table: Sequence[Row],
    samples: Sequence[Sample],
    failures: Sequence[Failure],
    rounds: int,
    out: Path | None,
) -> None:
    """Print the table and keep all of it as JSON."""
    facts = about(rounds)
    out = out or RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document(table, samples, failures, facts), indent=1))
    print(markdown(table, failures, facts))


def about(rounds: int) -> dict[str, Any]:
    """On what, and when."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "rounds": rounds,
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
