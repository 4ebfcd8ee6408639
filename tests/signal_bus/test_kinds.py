import typing

from signal_bus import messages
from signal_bus.kinds import CLIENT_KINDS, KINDS, OPERATOR_KINDS, PEER_KINDS, RESERVED, SERVER_KINDS, Role
from signal_bus.peers import messages as peers


def union(alias: object) -> set[type]:
    return set(typing.get_args(alias))


def test_the_table_and_the_unions_agree() -> None:
    assert {kind.body for kind in CLIENT_KINDS.values()} == union(messages.FromClient)
    assert {kind.body for kind in OPERATOR_KINDS.values()} == union(messages.FromOperator)
    assert {kind.body for kind in SERVER_KINDS.values()} == union(messages.FromServer)
    assert {kind.body for kind in PEER_KINDS.values()} == union(peers.FromPeer) | {messages.Error}


def test_every_body_has_one_kind() -> None:
    bodies = {
        value
        for module in (messages, peers)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, messages.Body) and value is not messages.Body
    }
    assert bodies == {kind.body for kind in KINDS.values()}


def test_every_answer_is_a_kind_the_other_side_may_send() -> None:
    for kind in KINDS.values():
        for answer in kind.answers:
            sender = KINDS[answer].sender
            assert sender & Role.SERVER if kind.sender & ~Role.SERVER else sender & Role.CLIENT


def test_an_app_sends_no_verb_and_an_operator_speaks_for_no_app() -> None:
    assert "verb" not in CLIENT_KINDS
    assert not OPERATOR_KINDS.keys() & {"hello", "ready", "offer", "bye", "event"}


def test_reserved_tags_are_free() -> None:
    assert not KINDS.keys() & set(RESERVED)


def test_every_body_is_frozen_and_has_a_sentence() -> None:
    for kind in KINDS.values():
        assert kind.body.__struct_config__.frozen, kind.tag
        assert kind.body.__struct_config__.omit_defaults, kind.tag
        assert not kind.body.__struct_config__.forbid_unknown_fields, kind.tag
        assert (kind.body.__doc__ or "").strip().endswith(".") or "?" in (kind.body.__doc__ or ""), kind.tag
