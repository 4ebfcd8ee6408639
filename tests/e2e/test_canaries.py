"""Secrets of apps, set in every way there is, and all that a host with the role view is answered."""

from itertools import product
from pathlib import Path
from typing import Any, Final

from tests.support.linked_homes import LinkedHome, linked
from tests.support.wait import eventually
from viscript.verbs.core import VERBS
from viscript.verbs.table import Role, Verb

PLACES: Final = ("env", "arg", "equals", "url", "started", "given", "ordered")
CANARIES: Final = tuple(f"canary-{place}" for place in PLACES)
SLEEP: Final = ["sh", "-c", "sleep 1000", "x"]
CONFIG: Final[dict[str, Any]] = {  # Any: YAML
    "store": "host://alpha",
    "apps": {
        "web": {
            "command": SLEEP,
            "default_args": ["--token=canary-equals", "--password", "canary-arg", "https://u:canary-url@x/"],
            "env": {"DB_PASSWORD": "canary-env"},
        },
        "dep": {"command": SLEEP},
    },
}
FORMS: Final = ("table", "wide", "json")
TARGETS: Final = ("", "web", "dep", "all")
ENDLESS: Final = frozenset({"wait", "ping"})  # wait for something, or answer no more than a figure
MORE: Final = (
    "la -f -a",
    "ru --tree all",
    "config show --origin",
    "apps -l",
    "audit -n 1000",
    "events -n 1000",
)


def is_asked(verb: Verb) -> bool:
    """Whether a host with the role view may use it on another."""
    far = verb.where == "daemon" and not verb.here_only
    return far and verb.role is Role.VIEW and verb.name not in ENDLESS


def script() -> str:
    """All such verbs, in every form, about each app."""
    lines = [f"{line} -H alpha -o json" for line in MORE]
    for verb, form, target in product(filter(is_asked, VERBS), FORMS, TARGETS):
        if verb.args or not target:
            lines.append(f"{verb.name} -H alpha {f'-o {form}' if verb.reads else ''} {target}")
    return "\n".join(lines)


def found_in(text: str) -> list[str]:
    return [one for one in CANARIES if one in text]


def test_no_answer_to_a_host_that_only_views_holds_a_secret(short_tmp: Path) -> None:
    with linked(short_tmp, CONFIG, "alpha", "beta", roles={"beta": Role.VIEW}) as (alpha, beta):
        _set_secrets(alpha)
        eventually(lambda: beta.sees()["alpha"] == "up")
        said = beta.viscript("--keep-going", stdin=script(), timeout=120)
        assert "DB_PASSWORD" in said.out  # what holds them was asked
        assert found_in(said.out + said.err) == []
        logs = [path for path in Path(alpha.root, "log").rglob("*") if path.is_file()]
        assert logs
        assert [found_in(path.read_text(errors="replace")) for path in logs] == [[]] * len(logs)


def _set_secrets(alpha: LinkedHome) -> None:
    alpha.viscript("start", "web").ok()
    alpha.viscript("start", "web", "-e", "API_TOKEN=canary-started", "--", "--secret", "canary-given").ok()
    deployed = ["deploy", "dep", "--place", "alpha", "-e", "DB_PASSWORD=canary-ordered"]
    eventually(lambda: alpha.viscript(*deployed).code == 0)
    eventually(lambda: any(row["name"] == "dep" for row in alpha.told("la")))
