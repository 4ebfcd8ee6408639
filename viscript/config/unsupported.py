"""Keys that the format knows and this version does not act on: refused, so that nobody relies on them."""

from typing import Final

from viscript.config.model import App, Config, Output

MESSAGE: Final = "not supported by this version"

UNSUPPORTED: Final[dict[type, frozenset[str]]] = {
    App: frozenset({"host", "placement"}),
    Output: frozenset({"to"}),
    Config: frozenset({"web", "metrics"}),
}
