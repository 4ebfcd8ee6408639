from viscript.verbs.prompting import VERBS


def test_all_are_the_clients_and_do_nothing_here() -> None:
    assert all(verb.where == "client" and verb.handler is None for verb in VERBS)
