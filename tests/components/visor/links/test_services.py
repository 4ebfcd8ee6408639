import uuid
from collections.abc import Sequence

from components.mesh.forms import Status
from components.mesh.services import Services
from components.mesh.transport import SignedEntry, TransportType, entry_of
from components.visor.links.api import Registrar
from components.visor.links.services import AtNodeManagers
from tests.support.mesh import ALICE, BOB

ENTRY = SignedEntry(entry_of(ALICE.public_key, BOB.public_key, TransportType.STCPR), ("", ""))
ID = uuid.UUID(ENTRY.entry.t_id)


class Noting:
    """Node managers that remember what they are told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    async def register_transports(self, entries: Sequence[SignedEntry]) -> int:
        self.said.append(tuple(entries))
        return 1

    async def report(self, statuses: Sequence[Status]) -> int:
        self.said.append(tuple(statuses))
        return 1


async def test_each_word_goes_to_the_node_managers() -> None:
    services = Noting()
    registrar = AtNodeManagers(services)
    await registrar.register(ENTRY)
    for up in (True, False):
        await registrar.status(ID, up)
    await registrar.status(ID, True, 70)
    assert services.said == [
        (ENTRY,),
        (Status(t_id=str(ID), is_up=True),),
        (Status(t_id=str(ID), is_up=False),),
        (Status(t_id=str(ID), is_up=True, rtt_us=70),),
    ]


def test_the_client_of_services_will_do() -> None:
    registrar: Registrar = AtNodeManagers(Services(ALICE, ("http://127.0.0.1:9",)))
    assert isinstance(registrar, AtNodeManagers)
