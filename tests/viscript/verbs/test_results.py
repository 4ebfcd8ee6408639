import msgspec

from viscript.verbs import results


def test_every_answer_is_frozen_and_explained() -> None:
    kinds = [
        kind for kind in vars(results).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        assert kind.__struct_config__.frozen, kind
        assert kind.__doc__, kind
