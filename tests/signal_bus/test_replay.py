from signal_bus.replay import Known, Replays


def test_a_retry_gets_the_answer_it_had() -> None:
    replays: Replays[str, bytes] = Replays()
    assert replays.begin("a") is Known.FRESH
    assert replays.begin("a") is Known.RUNNING
    replays.finish("a", b"done")
    assert replays.begin("a") == b"done"


def test_what_was_not_done_starts_afresh() -> None:
    replays: Replays[str, bytes] = Replays()
    replays.begin("a")
    replays.forget("a")
    assert replays.begin("a") is Known.FRESH


def test_the_oldest_answer_makes_room_and_what_runs_stays() -> None:
    replays: Replays[int, bytes] = Replays(kept=3)
    replays.begin(0)
    for key in range(1, 10):
        replays.begin(key)
        replays.finish(key, b"done")
    assert len(replays) == 3
    assert replays.begin(0) is Known.RUNNING
    assert replays.begin(9) == b"done"
    assert replays.begin(1) is Known.FRESH
