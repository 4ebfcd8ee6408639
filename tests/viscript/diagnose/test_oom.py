from viscript.diagnose.oom import OutOfMemory, parse_records, was_out_of_memory

RECORDS = [
    "6,100,5000000,-;usb 1-1: new device",
    "3,101,7500000,-;Out of memory: Killed process 4242 (python3) total-vm:1kB, anon-rss:1kB",
    "3,102,9000000,-;Memory cgroup out of memory: Killed process 77 (java) total-vm:1kB",
    "garbage Killed process 5 (x)",
    "3,x,y;Killed process 6 (x)",
]


def test_kills_for_memory_are_found() -> None:
    assert list(parse_records(iter(RECORDS))) == [OutOfMemory(4242, 7.5), OutOfMemory(77, 9.0)]


def test_a_pid_that_nobody_killed_was_not() -> None:
    assert not was_out_of_memory(2**30, 0.0, 1_700_000_000.0)
