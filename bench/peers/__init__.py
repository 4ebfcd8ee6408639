"""How each supervisor is configured, started, asked and ended: one adapter a module."""

from typing import Final

from bench.peers.circus import Circus
from bench.peers.peer import Peer
from bench.peers.pm2 import Pm2
from bench.peers.runit import Runit
from bench.peers.s6 import S6
from bench.peers.supervisor import Supervisor
from bench.peers.viscript import Viscript

PEERS: Final[dict[str, type[Peer]]] = {
    peer.name: peer for peer in (Viscript, Supervisor, Circus, Pm2, Runit, S6)
}
