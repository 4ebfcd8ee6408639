from viscript.cluster.far.gathered import CUT, Gathered


async def test_what_is_written_is_kept_in_order() -> None:
    sink = Gathered()
    await sink.out("a")
    await sink.err("b")
    await sink.out("c")
    assert sink.texts() == ("ac", "b")
    assert not sink.is_cut


async def test_too_much_is_cut_and_that_is_said() -> None:
    sink = Gathered(3)
    await sink.out("ab")
    await sink.out("cd")
    await sink.out("e")
    assert sink.texts() == ("abc", CUT)
