"""The bottom line."""

from viscript.repl.toolbar import Status, toolbar


def told() -> Status:
    status = Status()
    status.take({"host": "lab", "running": 2, "failed": 1, "apps": 3, "peers": 0})
    return status


def test_it_tells_the_daemon_the_apps_and_the_last_code() -> None:
    status = told()
    status.code = 5
    assert toolbar(status, 80) == " daemon lab | 2 running, 1 failed | $? 5 | F4 emacs"


def test_without_a_daemon_it_says_so() -> None:
    assert toolbar(Status(), 80).startswith(" no daemon | $? 0")


def test_peers_and_the_last_event_follow() -> None:
    status = told()
    status.take({"peers": ["a", "b"], "running": None})
    status.vi = True
    status.last_event = "[7] web died"
    assert toolbar(status, 80) == " daemon lab | 0 running, 0 failed | 2 peers | $? 0 | F4 vi | [7] web died"


def test_it_never_exceeds_the_screen() -> None:
    status = told()
    status.last_event = "日本語" * 50
    for columns in range(3, 120):
        line = toolbar(status, columns)
        assert sum(2 if char in "日本語" else 1 for char in line) <= columns


def test_hosts_are_counted_where_there_are_several() -> None:
    status = told()
    status.take({"hosts_up": 4, "hosts_down": 1})
    assert " | hosts 4 up, 1 down | " in toolbar(status, 80)
    status.take({"hosts_up": 1, "hosts_down": 0})
    assert "hosts" not in toolbar(status, 80)
