from components.visor.meter import limits


def test_a_lost_answer_is_noticed_before_the_next_proposal_is_due() -> None:
    assert limits.TICK_S < limits.ANSWER_S < limits.PROPOSE_S < limits.DISPUTE_S


def test_the_side_that_was_dialled_waits_for_the_other_to_propose() -> None:
    assert limits.REMIND_S > limits.PROPOSE_S + limits.ANSWER_S
    assert limits.REMIND_S > limits.FLOOR_S
