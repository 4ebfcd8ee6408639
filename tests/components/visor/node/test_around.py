from dataclasses import dataclass

from components.mesh.offers import MESSENGER, NODE_MANAGER, SETUP_NODE
from components.mesh.roster import Messenger
from components.visor.node.around import Around, configured, joined
from components.visor.node.options import parse
from signal_bus.identity import Identity, draw

KEY, OTHER = Identity(draw()).public_key, Identity(draw()).public_key


@dataclass
class Offer:
    address: str


FOUND = {
    NODE_MANAGER: [Offer("http://127.0.0.1:9091")],
    SETUP_NODE: [Offer(f"{KEY.hex()}@127.0.0.1:9093"), Offer("nonsense"), Offer(f"{KEY.hex()}@nowhere")],
    MESSENGER: [Offer(f"{OTHER.hex()}@127.0.0.1:8081"), Offer("mike@127.0.0.1:8081")],
}
NOTHING = Around((), {}, ())


def test_what_the_bus_has_is_taken_and_nonsense_left_out() -> None:
    around = joined(NOTHING, FOUND)
    assert around.managers == ("http://127.0.0.1:9091",)
    assert around.setup_nodes == {KEY: ("127.0.0.1", 9093)}
    assert around.messengers == (Messenger(OTHER, ("127.0.0.1", 8081)),)


def test_what_is_configured_holds() -> None:
    words = ["--manager", "http://m", "--setup-node", OTHER.hex(), "--messenger", f"{KEY.hex()}@h:1"]
    given = configured(parse(words, {}))
    assert joined(given, FOUND) == given
    assert given.setup_nodes == {OTHER: None}


def test_an_empty_bus_gives_nothing() -> None:
    assert joined(NOTHING, {}) == NOTHING
