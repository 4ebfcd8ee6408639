"""The line for known_hosts."""

from pathlib import Path

from tests.support.shells import ran, shells


async def test_with_the_line_ordinary_ssh_asks_for_nothing(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        line = await ran(made.client(made.peer, module="known"))
        assert (line.code, line.err) == (0, "")
        (short_tmp / "known_hosts").write_bytes(line.out)
        done = await ran(made.openssh("ssh", made.peer, "echo hi", StrictHostKeyChecking="yes"))
        assert (done.code, done.out) == (0, b"hi\n")
        (short_tmp / "known_hosts").write_bytes(
            line.out.replace(b"AAAAC3NzaC1lZDI1NTE5AAAAI", b"AAAAC3NzaC1lZDI1NTE5AAAAJ")
        )
        done = await ran(made.openssh("ssh", made.peer, "echo hi", StrictHostKeyChecking="yes"))
        assert done.code == 255


async def test_faults_are_one_sentence(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(made.client("nobody", module="known"))
        assert (done.code, done.out) == (1, b"")
        assert done.err.startswith("terminal known_hosts: ")
        assert done.err.count("\n") == 1
