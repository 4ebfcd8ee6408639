from tests.support.fake_world import instance
from viscript.diagnose.conflict import FileConflict, PortConflict
from viscript.diagnose.verdict import by_signal, ending, held, program, reason, thing
from viscript.states import State
from viscript.supervisor.api import Exit


def test_what_is_held_and_by_whom() -> None:
    assert thing(PortConflict(port=80)) == "port 80"
    assert thing(FileConflict(path="/x")) == "/x"
    assert held(PortConflict(port=80)) == "port 80 is taken, by a process that this user may not see"
    assert held(FileConflict(path="/x", pid=5, process="sh")) == "/x is taken by sh (pid 5)"
    assert (
        held(PortConflict(port=80, pid=5, id=3)) == "port 80 is taken by a process (pid 5), which is [3] here"
    )


def test_how_it_ended() -> None:
    crashed = instance(7, "web", State.BACKOFF, last_exit=Exit(signal=11), reason="not this")
    assert ending(crashed) == "killed by signal 11 (SIGSEGV)"
    assert by_signal(crashed)
    refused = instance(7, "web", State.FATAL, reason="no such program")
    assert ending(refused) == reason(refused) == "no such program"
    assert not by_signal(refused)


def test_what_was_to_be_run() -> None:
    assert program(instance(7, "web", argv=("/bin/x", "y"))) == "/bin/x"
    assert program(instance(7, "web#2", argv=())) == "web"
