"""The daemon and the keeper raise their own limit of open files; their apps keep the one the user had."""

import resource

from tests.support.home import ScratchHome
from tests.support.wait import eventually


def limit(home: ScratchHome, seq: int) -> str:
    return home.viscript("log", str(seq)).out.strip()


def test_apps_keep_the_limit_of_who_started_the_daemon(scratch_home: ScratchHome) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 777
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        scratch_home.start_daemon("apps: {a: {command: sh -c 'ulimit -n; sleep 100'}}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    scratch_home.viscript("s", "a").ok()
    assert eventually(lambda: limit(scratch_home, 1)) == str(wanted)
    scratch_home.kill_keeper()
    scratch_home.kill_daemon()
    scratch_home.viscript("daemon", "--detach")  # unless a new keeper has started it already
    eventually(lambda: scratch_home.viscript("la").code == 0)
    scratch_home.viscript("s", "a").ok()
    assert eventually(lambda: limit(scratch_home, 2)) == str(wanted)
