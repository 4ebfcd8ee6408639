import uuid

import pytest

from components.mesh.errors import CallerError
from components.visor.groups.path import MAX_HOPS, Hop, Path, Policy, fits, next_path
from signal_bus.ids import PublicKey

LINKS = [uuid.UUID(int=number) for number in range(20)]


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


def path(*steps: tuple[int, int], cost: int | None = None) -> Path:
    """Each step: the link's number, the node it leads to; from node 0."""
    hops, at = [], 0
    for link, node in steps:
        hops.append(Hop(LINKS[link], key(at), key(node)))
        at = node
    return Path(tuple(hops), cost if cost is not None else 100 * len(hops))


DIRECT = path((1, 9))
BY_TWO = path((2, 2), (3, 9))
BY_TWO_AGAIN = path((2, 2), (5, 9))
BY_THREE = path((6, 3), (7, 9))
LONG = path((6, 3), (8, 4), (9, 9))


def test_the_cheapest_is_first() -> None:
    assert next_path([LONG, BY_TWO, DIRECT], [], Policy()) == DIRECT


def test_min_hops_is_a_contract_whatever_the_finder_says() -> None:
    assert next_path([DIRECT, BY_TWO, LONG], [], Policy(min_hops=3)) == LONG
    assert next_path([DIRECT, BY_TWO], [], Policy(min_hops=3)) is None


def test_explicit_hops_are_kept() -> None:
    assert next_path([DIRECT, BY_TWO, LONG], [], Policy(through=(key(3), key(4)))) == LONG
    assert next_path([DIRECT, BY_TWO], [], Policy(through=(key(5),))) is None


def test_a_second_path_shares_as_little_as_can_be() -> None:
    assert next_path([BY_TWO, BY_TWO_AGAIN, BY_THREE], [BY_TWO], Policy()) == BY_THREE
    assert next_path([BY_TWO, BY_TWO_AGAIN], [BY_TWO], Policy()) == BY_TWO_AGAIN
    assert next_path([BY_TWO], [BY_TWO], Policy()) is None


def test_of_equally_apart_ones_the_cheaper_is_taken() -> None:
    assert next_path([LONG, BY_THREE], [DIRECT], Policy()) == BY_THREE


def test_links_that_did_not_answer_are_the_last_choice() -> None:
    assert next_path([DIRECT, BY_THREE], [], Policy(), frozenset({LINKS[1]})) == BY_THREE
    assert next_path([DIRECT], [], Policy(), frozenset({LINKS[1]})) == DIRECT


def test_a_path_of_too_many_hops_is_none() -> None:
    steps = [(number, number + 1) for number in range(1, MAX_HOPS + 2)]
    assert not fits(path(*steps), Policy())
    assert fits(path(*steps[:MAX_HOPS]), Policy())


@pytest.mark.parametrize("wrong", [0, -1, MAX_HOPS + 1])
def test_a_policy_without_sense_is_refused(wrong: int) -> None:
    with pytest.raises(CallerError, match="min_hops"):
        Policy(min_hops=wrong)
    with pytest.raises(CallerError, match="at most"):
        Policy(through=tuple(key(1) for _ in range(MAX_HOPS)))
