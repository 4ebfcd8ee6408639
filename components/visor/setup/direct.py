"""Routes without a setup node (`setup: direct`): the initiator orders the rules itself, and signs each order.

Every hop then learns who the initiator is. It works only with nodes that allow it, each for few routes.
"""

from components.mesh import setup
from components.mesh.builder import COLLISION, Builder, Calls, RouteFailed
from components.mesh.errors import CallerError, WireError
from components.mesh.setup import INSTALL, Failure, Install
from components.visor.plane.table import InstallError
from components.visor.setup.client import ATTEMPTS, Granted, Installer, Wanted, create_of
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey


def signing(pool: Calls, identity: Identity) -> Builder:
    """A builder whose orders are signed by `identity`; an `async with`."""

    def sign(install: Install, hop: PublicKey) -> Install:
        return setup.sign(install, identity, hop)

    return Builder(pool, sign=sign)


class DirectSetup:
    """Builds routes by orders of its own; a `Creator`."""

    def __init__(self, own: PublicKey, builder: Builder) -> None:
        self._own = own
        self._builder = builder

    async def create(self, wanted: Wanted, install: Installer) -> Granted:
        """The route whose own leg `install` put in place. Raises `RouteFailed` or `CallerError`."""
        left = ATTEMPTS
        while True:
            left -= 1
            create = create_of(wanted)
            try:
                setup.check_create(create, self._own)
            except WireError as exc:
                raise CallerError(str(exc)) from exc
            work = self._builder.work(create)
            granted = Granted(self._own, create.number, await work.run())
            try:
                install(granted)
            except InstallError as exc:
                work.give_up()
                if exc.reason != COLLISION or not left:
                    raise RouteFailed(Failure(self._own, INSTALL, exc.reason, str(exc))) from exc
            except BaseException:
                work.give_up()
                raise
            else:
                return granted
