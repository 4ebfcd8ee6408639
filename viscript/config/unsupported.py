"""Keys that the format knows and this version does not act on: refused, so that nobody relies on them."""

from typing import Final

from viscript.config.model import Config, Output

MESSAGE: Final = "not supported by this version"

UNSUPPORTED: Final[dict[type, frozenset[str]]] = {
    Output: frozenset({"to"}),
    Config: frozenset({"web", "metrics"}),
}
