"""All transports are looked at once a second, as long as the block lasts."""

from components.visor.links.limits import LOOK_S
from components.visor.links.silence import looking
from tests.support.links import SteppedLoop


class Transport:
    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> None:
        self.looks += 1


async def test_each_is_looked_at_once_a_second_and_never_after_the_block() -> None:
    loop, all_of_them = SteppedLoop(), [Transport(), Transport()]
    with looking(loop, lambda: all_of_them):
        loop.pass_(3 * LOOK_S)
    loop.pass_(3 * LOOK_S)
    assert [each.looks for each in all_of_them] == [3, 3]
