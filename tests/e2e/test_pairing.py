"""Two hosts pair: real daemons in two network namespaces, a person at a terminal of each."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.support.hosted import Hosted, HostedHome, hosted
from tests.support.terminal import CTRL_C, ENTER, Terminal
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(120)
Homes: TypeAlias = tuple[HostedHome, HostedHome]


@pytest.fixture(scope="module")
def world() -> Iterator[Hosted]:
    with tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder, hosted(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def running(world: Hosted) -> Homes:
    alpha, beta = world.home("alpha"), world.home("beta")
    world.cable(alpha, beta)
    return alpha, beta


@pytest.fixture
def homes(running: Homes) -> Iterator[Homes]:
    """Two homes without a cluster; what a test made of them is forgotten."""
    yield running
    for home in running:
        home.viscript("host", "refuse").ok()
        home.viscript("host", "leave", "--force")


def code_on(terminal: Terminal) -> str:
    terminal.wait_for("viscript host join ")
    terminal.wait_for("waiting for it")
    line = next(line for line in terminal.lines() if "viscript host join " in line)
    return line.rpartition(" ")[2]


def words_on(terminal: Terminal) -> str:
    terminal.wait_for("the words:")
    return next(line for line in terminal.lines() if "the words:" in line).partition(":")[2].strip()


def told(home: HostedHome, *argv: str) -> Any:
    return home.viscript(*argv, "-o", "json").ok().json()


def invited(home: HostedHome, *argv: str) -> str:
    return str(told(home, "host", "invite", "--no-wait", *argv)["code"])


def paired(alpha: HostedHome, beta: HostedHome, label: str) -> None:
    words = told(beta, "host", "join", invited(alpha, "--for", label), "--no-wait")["words"]
    beta.viscript("host", "approve", words, "--no-wait").ok()
    alpha.viscript("host", "approve", words).ok()


def test_two_persons_compare_words_and_both_hosts_are_one_cluster(
    homes: Homes,
) -> None:
    alpha, beta = homes
    with alpha.terminal("host", "invite", "--for", "beta", "--role", "operate") as here:
        code = code_on(here)
        with beta.terminal("host", "join", code) as there:
            assert words_on(here) == words_on(there)
            here.wait_for_input("yes or no:")
            here.type(f"yes{ENTER}")
            there.wait_for_input("yes or no:")
            there.type(f"yes{ENTER}")
            there.wait_for("this host is beta in the cluster of")
            here.wait_for("beta has joined, with the role operate")
            assert (here.wait_for_exit(), there.wait_for_exit()) == (0, 0)
    replayed = beta.viscript("host", "join", code)
    assert (replayed.code, "leave it first" in replayed.err) == (1, True)
    assert told(alpha, "host", "forget", "beta")["label"] == "beta"
    assert "host.gone" in alpha.viscript("events").out


def test_words_that_differ_end_it_on_both_screens(homes: Homes) -> None:
    alpha, beta = homes
    with alpha.terminal("host", "invite") as here:
        code = code_on(here)
        with beta.terminal("host", "join", code) as there:
            there.wait_for_input("yes or no:")
            here.wait_for_input("yes or no:")
            here.type("ye")  # not sent yet
            there.type(f"no{ENTER}")
            there.wait_for("the words are not the same")
            here.wait_for("the other side says that the words differ")
            assert (here.wait_for_exit(), there.wait_for_exit()) == (1, 1)
    assert beta.viscript("host", "join", code).code == 4
    assert alpha.viscript("host", "pending").out.count("\n") <= 1


def test_at_the_prompt_too_and_ctrl_c_takes_an_invitation_back(homes: Homes) -> None:
    alpha, beta = homes
    with alpha.terminal() as here:
        here.wait_for_input("viscript>")
        here.type(f"host invite{ENTER}")
        code = code_on(here)
        here.type(CTRL_C)
        eventually(lambda: told(alpha, "host", "pending") == [])
        assert "nobody answers" in beta.viscript("host", "join", code).err
        here.type(f"host invite --for beta{ENTER}")
        eventually(lambda: told(alpha, "host", "pending") != [])
        here.wait_for("viscript host join ", count=2)
        lines = [line for line in here.lines() if "viscript host join " in line]
        words = told(beta, "host", "join", lines[-1].rpartition(" ")[2], "--no-wait")["words"]
        here.wait_for(words)
        here.wait_for_input("yes or no:")
        here.type(f"yes{ENTER}")
        here.wait_for("waiting for the other side")
        beta.viscript("host", "approve", words).ok()
        here.wait_for("beta has joined")


def test_a_daemon_started_anew_knows_no_earlier_code_and_the_members_it_had(
    homes: Homes,
) -> None:
    alpha, beta = homes
    code = invited(alpha)
    alpha.after_a_kill()
    unanswered = beta.viscript("host", "join", code)
    assert (unanswered.code, "nobody answers" in unanswered.err) == (4, True)
    keeps_the_port_open = invited(alpha)
    unknown = beta.viscript("host", "join", code)
    assert (unknown.code, "no such invitation" in unknown.err) == (1, True)
    assert keeps_the_port_open != code
    paired(alpha, beta, "beta")
    for home in homes:
        home.after_a_kill()
    assert told(alpha, "host", "forget", "beta")["label"] == "beta"
    assert "leave it first" in beta.viscript("host", "join", keeps_the_port_open).err


def test_the_joiner_that_dies_in_the_middle_may_try_again(homes: Homes) -> None:
    alpha, beta = homes
    code = invited(alpha, "--for", "beta", "--addr", "fd00:1::1")
    told(beta, "host", "join", code, "--no-wait")
    beta.after_a_kill()
    eventually(lambda: told(alpha, "host", "pending")[0]["failures"] == 1)
    words = told(beta, "host", "join", code, "--no-wait")["words"]
    alpha.viscript("host", "approve", words, "--no-wait").ok()
    beta.viscript("host", "approve", words).ok()
    assert told(alpha, "host", "pending") == []


def test_a_host_founds_or_joins_and_not_both(homes: Homes) -> None:
    alpha, beta = homes
    ours, theirs = invited(alpha), invited(beta)
    for home, code in ((alpha, theirs), (beta, ours)):
        refused = home.viscript("host", "join", code)
        assert (refused.code, "host leave" in refused.err) == (1, True)
    beta.viscript("host", "refuse").ok()
    beta.viscript("host", "leave").ok()
    paired(alpha, beta, "beta")
