import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.ids import CurveKey
from signal_bus.limits import CONNECT_USERS, CONNECTS_BURST, CONNECTS_PER_S
from signal_bus.zap import APPS, OPERATORS, PEERS, TCP, Allowed, Gate, parse_address

KEY = CurveKey(b"k" * 32)
OWN = 1000


def gate(*, may: bool = True) -> Gate:
    return Gate(Allowed({KEY: "laptop"}), lambda uid: may, OWN)


def asked(
    gate: Gate, domain: str, peer: str, *credentials: bytes, mechanism: bytes = b"NULL", now: float = 0.0
) -> str:
    """The user id of a connection; empty when it is refused."""
    frames = [b"a", b"", b"1.0", b"1", domain.encode(), peer.encode(), b"", mechanism, *credentials]
    reply = gate.reply(frames, now)
    assert reply is not None
    assert reply[:4] == frames[:4]
    assert (reply[4] == b"200") == bool(reply[6])
    return reply[6].decode()


def test_operators_are_our_own_user_and_root() -> None:
    assert asked(gate(), OPERATORS, f"localhost:{OWN}:5:77") == f"uid:{OWN}"
    assert asked(gate(), OPERATORS, "localhost:0:0:77") == "uid:0"
    assert asked(gate(), OPERATORS, "localhost:1001:5:77") == ""


def test_apps_are_let_in_by_the_delegate() -> None:
    assert asked(gate(), APPS, "localhost:1001:5:77") == "uid:1001"
    assert asked(gate(may=False), APPS, "localhost:1001:5:77") == ""


def test_a_delegate_that_raises_closes_the_door_for_that_one_only() -> None:
    def moody(uid: int) -> bool:
        if uid == 13:
            raise RuntimeError("a bug")
        return True

    shared = Gate(Allowed({}), moody, OWN)
    assert asked(shared, APPS, "localhost:13:5:77") == ""
    assert asked(shared, APPS, "localhost:14:5:77") == "uid:14"
    assert shared.denied == 1


def test_tcp_is_curve_with_a_key_on_the_list() -> None:
    assert asked(gate(), TCP, "10.0.0.1", KEY, mechanism=b"CURVE") == KEY.hex()
    assert asked(gate(), TCP, "10.0.0.1", b"x" * 32, mechanism=b"CURVE") == ""
    assert asked(gate(), TCP, "10.0.0.1") == ""
    assert asked(gate(), TCP, "10.0.0.1", b"user", KEY, mechanism=b"PLAIN") == ""
    assert asked(gate(), TCP, f"localhost:{OWN}:5:77") == ""


def test_a_gate_for_hosts_lets_in_keys_on_its_list_by_curve_only() -> None:
    peers = Gate(Allowed({KEY: "laptop"}), lambda uid: True, OWN, domain=PEERS)
    assert asked(peers, PEERS, "10.0.0.1", KEY, mechanism=b"CURVE") == KEY.hex()
    assert asked(peers, PEERS, f"localhost:{OWN}:5:77", KEY, mechanism=b"CURVE") == KEY.hex()
    assert asked(peers, PEERS, f"localhost:{OWN}:5:77") == ""
    assert asked(peers, TCP, "10.0.0.1", KEY, mechanism=b"CURVE") == ""
    assert asked(gate(), PEERS, "10.0.0.1", KEY, mechanism=b"CURVE") == ""


def test_a_key_taken_off_the_list_is_refused_from_then_on() -> None:
    allowed = Allowed({})
    shared = Gate(allowed, lambda uid: True, OWN)
    allowed.add(KEY, "laptop")
    assert asked(shared, TCP, "10.0.0.1", KEY, mechanism=b"CURVE")
    assert allowed.name_of(KEY.hex()) == "laptop"
    assert allowed.remove(KEY)
    assert not allowed.remove(KEY)
    assert asked(shared, TCP, "10.0.0.1", KEY, mechanism=b"CURVE") == ""


def test_connections_of_other_users_are_rationed_and_ours_are_not() -> None:
    shared = gate()
    stranger, other, own = "localhost:1001:5:77", "localhost:1002:5:77", f"localhost:{OWN}:5:77"
    for _ in range(int(CONNECTS_BURST)):
        assert asked(shared, APPS, stranger)
    assert not asked(shared, APPS, stranger)
    assert asked(shared, APPS, other)
    assert asked(shared, APPS, own)
    assert asked(shared, APPS, stranger, now=1.5 / CONNECTS_PER_S)


def test_the_users_remembered_are_bounded() -> None:
    shared = gate()
    for uid in range(2000, 2000 + 2 * CONNECT_USERS):
        assert asked(shared, APPS, f"localhost:{uid}:5:77")
    assert len(shared._budgets) == CONNECT_USERS


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_it_answers_anything_and_never_raises(frames: list[bytes]) -> None:
    reply = gate().reply(frames, 0.0)
    assert (reply is None) == (len(frames) < 8)
    assert reply is None or reply[4] in (b"200", b"400")


@pytest.mark.parametrize(
    "text", ["", "localhost", "localhost:1:2", "10.0.0.1:1:2:3", "localhost:a:2:3", "localhost:-1:2:3"]
)
def test_an_address_that_names_no_process_proves_nothing(text: str) -> None:
    peer = parse_address(text, "apps")
    assert (peer.uid, peer.gid, peer.pid) == (None, None, None)


def test_an_ipc_address_names_user_group_and_process() -> None:
    peer = parse_address("localhost:1:2:3", "apps")
    assert (peer.uid, peer.gid, peer.pid) == (1, 2, 3)


def test_where_the_kernel_tells_no_process_the_user_still_counts() -> None:
    peer = parse_address("localhost:501:20:", "apps")
    assert (peer.uid, peer.gid, peer.pid) == (501, 20, None)
    assert asked(gate(), APPS, "localhost:501:20:") == "uid:501"


@given(st.text())
def test_any_address_is_a_peer(text: str) -> None:
    assert parse_address(text, "apps").door == "apps"
