from viscript.diagnose.finding import bad, doubtful, good


def test_each_kind_has_its_status() -> None:
    assert [good("a", "b").status, doubtful("a", "b").status, bad("a", "b", "c").status] == [
        "pass",
        "warn",
        "fail",
    ]
    assert (good("a", "b").fix, bad("a", "b", "c").fix) == ("", "c")
