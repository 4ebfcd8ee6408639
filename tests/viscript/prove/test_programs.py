"""The programs of the trials do what they are made for."""

import subprocess
import sys
from pathlib import Path

from viscript.prove import programs
from viscript.prove.output import LINE_BYTES, tallied
from viscript.prove.programs import CRASH, FLOOD, NUMBERED, WITNESS, client, nap, program


def ran(app: programs.App) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(app["command"], capture_output=True, timeout=20, check=False)


def test_every_text_is_a_program() -> None:
    texts = [value for name, value in vars(programs).items() if name.isupper()]
    assert len(texts) >= 8
    for text in texts:
        compile(text, "text", "exec")


def test_a_program_names_its_home_and_takes_keys() -> None:
    app = program(CRASH, "/home/of/it", 0, 3, settle=0)
    assert app["command"][:3] == [sys.executable, "-S", "-c"]
    assert app["command"][4:] == ["/home/of/it", "0", "3"]
    assert app["settle"] == 0


def test_numbered_lines_have_nine_bytes_each() -> None:
    assert ran(program(NUMBERED, "/h", 3, 0)).stdout == b"00000000\n00000001\n00000002\n"


def test_what_a_witness_wrote_it_has_counted_whenever_it_is_ended(tmp_path: Path) -> None:
    for number in range(10):
        tally = tmp_path / str(number)
        command = program(WITNESS, "/h", tally)["command"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as witness:
            assert witness.stdout is not None
            begun = witness.stdout.readline()
            witness.terminate()
            wrote = begun + witness.stdout.read()
        assert tallied(tally)[0] * LINE_BYTES == len(wrote)


def test_a_crash_ends_as_it_is_told() -> None:
    assert ran(program(CRASH, "/h", 0, 3)).returncode == 3
    assert ran(program(CRASH, "/h", 0, -11)).returncode == -11


def test_a_flood_is_as_long_as_it_is_told() -> None:
    assert len(ran(program(FLOOD, "/h", 2)).stdout) == 2 << 20


def test_what_has_no_argument_to_spare_is_found_by_its_environment() -> None:
    assert nap("/home/of/it")["env"] == {"PROVE_ROOT": "/home/of/it"}
    assert client("/home/of/it")["command"][-1] == "/home/of/it"
