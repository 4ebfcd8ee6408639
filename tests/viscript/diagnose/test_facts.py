from viscript.diagnose.facts import Facts


def test_without_a_look_nothing_is_claimed() -> None:
    facts = Facts(now=1.0)
    assert not any((facts.conflict, facts.complaint, facts.out_of_memory, facts.leftovers, facts.last_lines))
    assert not any((facts.bad_interpreter, facts.unreadable, facts.stopped_by))
