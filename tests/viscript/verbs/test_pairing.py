"""The verbs of pairing: what they print, ask and answer; two homes over loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.fake_world import FakeWorld
from tests.support.paired import PairingHome, pairing_home, until
from tests.support.verbs import Said, say
from tests.support.ways import Ground, Ways
from viscript.cluster.pairing.invitations import LIFETIME_S
from viscript.errors import ExitCode
from viscript.store.writer import StoreError
from viscript.verbs.table import Terminal

T = TypeVar("T")
PERSON = Terminal(out=True, err=True, into=True, columns=100, ascii=False)


class Person:
    """A desk with somebody at it, who answers in turn; after the last answer nothing more comes."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.thinks = asyncio.Event()

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        return await work

    def detach(self, seq: int) -> int:
        return 0

    async def ask(self, question: str) -> str | None:
        self.asked.append(question)
        if not self.answers:
            await self.thinks.wait()
        return self.answers.pop(0)


@pytest.fixture
async def alpha(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "alpha", "alpha") as made:
        yield made


@pytest.fixture
async def beta(tmp_path: Path) -> AsyncIterator[PairingHome]:
    async with pairing_home(tmp_path / "beta", "beta") as made:
        yield made


def world_of(home: PairingHome) -> FakeWorld:
    world = FakeWorld()
    world.book, world.pairing_of = home.book, lambda: home.pairing
    return world


async def told(home: PairingHome, command: str, **context: Any) -> Said:
    async with asyncio.timeout(30):
        return await say(world_of(home), command, **context)


async def at_a_terminal(home: PairingHome, command: str, *answers: str | None) -> Said:
    return await told(home, command, terminal=PERSON, desk=Person(*answers))


@asynccontextmanager
async def running(work: Coroutine[Any, Any, Said]) -> AsyncIterator[asyncio.Task[Said]]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield task


INVITE = "host invite --addr 127.0.0.1"


async def code_of(home: PairingHome) -> str:
    await until(lambda: home.pairing.inviting.invitations.live())
    return home.pairing.inviting.invitations.live()[-1].code.text()


async def test_two_persons_say_yes(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(at_a_terminal(alpha, f"{INVITE} --role operate", "yes")) as inviting:
        joined = await at_a_terminal(beta, f"host join {await code_of(alpha)}", "what?", "yes")
    assert (joined.code, inviting.result().code) == (0, 0), (joined, inviting.result())
    assert "this host is beta in the cluster of alpha, with the role operate" in joined.out
    assert joined.out.startswith("looking for the host at 127.0.0.1:")
    assert "the admins of that cluster are admins on this host" in joined.out
    assert "beta has joined, with the role operate" in inviting.result().out
    words = {
        line for said in (joined, inviting.result()) for line in said.out.splitlines() if "the words:" in line
    }
    assert len(words) == 1


@pytest.mark.parametrize(
    "terminal, drawn", [(PERSON, True), (replace(PERSON, ascii=True), False), (Terminal(), False)]
)
async def test_a_screen_that_can_show_it_has_a_picture_of_the_code(
    alpha: PairingHome, terminal: Terminal, drawn: bool
) -> None:
    async with running(told(alpha, INVITE, terminal=terminal, desk=Person())) as inviting:
        await code_of(alpha)
        alpha.clock.ahead = LIFETIME_S
        alpha.pairing.inviting._look()
    assert ("█▀" in inviting.result().out) is drawn


@pytest.mark.parametrize("who", ["alpha", "beta"])
async def test_one_no_ends_it_on_both_sides(alpha: PairingHome, beta: PairingHome, who: str) -> None:
    answers: dict[str, tuple[str, ...]] = {"alpha": (), "beta": (), who: ("no",)}
    async with running(at_a_terminal(alpha, INVITE, *answers["alpha"])) as inviting:
        joined = await at_a_terminal(beta, f"host join {await code_of(alpha)}", *answers["beta"])
    for said in (joined, inviting.result()):
        assert said.code == ExitCode.FAILED
        assert "somebody may be in between" in said.err
    assert beta.book.cluster is None


async def test_a_person_who_goes_away_burns_nothing(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(at_a_terminal(alpha, INVITE)) as inviting:
        code = await code_of(alpha)
        joined = await at_a_terminal(beta, f"host join {code}", None)
        assert (joined.code, "the person there left" in joined.err) == (1, True)
        await until(lambda: alpha.pairing.inviting.invitations.live()[0].failures == 1)
        inviting.cancel()


async def test_a_label_that_is_taken_is_asked_for(alpha: PairingHome, tmp_path: Path) -> None:
    async with pairing_home(tmp_path / "twin", "alpha") as twin:
        async with running(at_a_terminal(alpha, INVITE, "yes", "", "two words", "beta")) as inviting:
            joined = await at_a_terminal(twin, f"host join {await code_of(alpha)}", "yes")
        assert (joined.code, inviting.result().code) == (0, 0), (joined, inviting.result())
        assert "this host is beta" in joined.out


async def test_scripts_pair_by_the_words_of_the_other_screen(alpha: PairingHome, beta: PairingHome) -> None:
    invited = (await told(alpha, f"{INVITE} --for edge-7 --no-wait -o json")).json()
    assert (invited["role"], invited["label"], invited["joined"]) == ("view", "edge-7", None)
    joined = (await told(beta, f"host join {invited['code']} --no-wait -o json")).json()
    assert joined["state"] == "words"
    pending = (await told(alpha, "host pending -o json")).json()
    assert pending[0]["state"] == "waits for this host's yes"
    assert pending[0]["words"] == joined["words"]
    async with running(told(beta, f"host approve {pending[0]['words']}")) as approving:
        await until(lambda: not beta.pairing.meetings()[0].waits_for_us)
        mine = (await told(beta, "host pending -o json")).json()
        assert (mine[0]["joins"], mine[0]["state"]) == (True, "waits for the other side")
        answer = await told(alpha, f"host approve {joined['words']} -o json")
    assert answer.json()["label"] == "edge-7"
    assert "this host has joined the cluster of alpha" in approving.result().out


async def test_without_a_terminal_the_command_waits_for_another_that_approves(
    alpha: PairingHome, beta: PairingHome
) -> None:
    async with (
        running(told(alpha, INVITE)) as inviting,
        running(told(beta, f"host join {await code_of(alpha)}")) as joining,
    ):
        await until(lambda: alpha.pairing.meetings() and beta.pairing.meetings())
        words = beta.pairing.meetings()[0].words
        assert "yes to gamma" in (await told(alpha, f"host approve {words} --label gamma --no-wait")).out
        await told(beta, f"host approve {words}")
    assert "host approve WORDS" in joining.result().out
    assert "gamma has joined" in inviting.result().out
    assert "this host is gamma" in joining.result().out


async def test_data_goes_out_alone_and_people_are_told_beside_it(
    alpha: PairingHome, beta: PairingHome
) -> None:
    async with running(told(alpha, f"{INVITE} -o json", terminal=PERSON, desk=Person("yes"))) as inviting:
        joined = await told(
            beta, f"host join {await code_of(alpha)} -o json", terminal=PERSON, desk=Person("yes")
        )
    assert json.loads(joined.out)["state"] == "joined"
    assert json.loads(inviting.result().out)["joined"]["label"] == "beta"
    assert "the words:" in joined.err


async def test_wrong_words_end_it(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        await told(beta, f"host join {await code_of(alpha)} --no-wait")
        said = await told(beta, "host approve lusab babad gutih")
        assert (said.code, "burnt" in said.err) == (ExitCode.NOT_PERMITTED, True)
    assert inviting.result().code == ExitCode.FAILED


async def test_an_interrupted_invitation_is_taken_back(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        code = await code_of(alpha)
        inviting.cancel()
    assert alpha.pairing.inviting.invitations.live() == []
    assert "nobody answers" in (await told(beta, f"host join {code}")).err


async def test_an_interrupted_joining_tells_the_other_side(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        async with running(told(beta, f"host join {await code_of(alpha)}")) as joining:
            await until(lambda: alpha.pairing.meetings())
            joining.cancel()
        await until(lambda: alpha.pairing.inviting.invitations.live()[0].failures == 1)
        inviting.cancel()


async def test_an_attempt_that_failed_is_told_and_the_next_one_counts(
    alpha: PairingHome, beta: PairingHome
) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        code = await code_of(alpha)
        await told(beta, f"host join {code} --no-wait")
        await until(lambda: alpha.pairing.meetings())
        assert "was ended" in (await told(beta, "host refuse")).out
        await until(lambda: alpha.pairing.inviting.invitations.live()[0].failures == 1)
        await told(beta, f"host join {code} --no-wait")
        await until(lambda: alpha.pairing.meetings() and beta.pairing.meetings())
        words = beta.pairing.meetings()[0].words
        async with running(told(beta, f"host approve {words}")):
            await told(alpha, f"host approve {words}")
    assert inviting.result().code == 0
    assert "beta has joined" in inviting.result().out


async def test_a_host_that_joins_invites_nobody(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        await told(beta, f"host join {await code_of(alpha)} --no-wait")
        refused = await told(beta, f"{INVITE} --no-wait")
        inviting.cancel()
    assert (refused.code, "is joining a cluster right now" in refused.err) == (1, True)
    assert beta.book.cluster is None


async def test_a_host_that_did_not_keep_its_record_has_not_joined(
    alpha: PairingHome, beta: PairingHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(beta.book, "pin", full)
    async with running(at_a_terminal(alpha, INVITE, "yes")) as inviting:
        joined = await at_a_terminal(beta, f"host join {await code_of(alpha)}", "yes")
    said = inviting.result()
    assert (joined.code, said.code) == (1, 1)
    assert "beta was let in and may not have joined: the other side ended it: the disk is full" in said.err
    assert "host forget beta" in said.err
    assert "has joined" not in said.out


async def test_what_is_neither_yes_nor_no_is_asked_again_in_other_words(
    alpha: PairingHome, beta: PairingHome
) -> None:
    person = Person("y", "no")
    async with running(told(alpha, INVITE)):
        await told(beta, f"host join {await code_of(alpha)}", terminal=PERSON, desk=person)
    assert "the whole word" in person.asked[1]


async def test_an_invitation_that_ends_says_why(alpha: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        await code_of(alpha)
        alpha.clock.ahead = LIFETIME_S
        alpha.pairing.inviting._look()
    assert (inviting.result().code, "has expired" in inviting.result().err) == (1, True)


async def test_invitations_are_taken_back_by_number_or_all(alpha: PairingHome) -> None:
    for _ in range(3):
        await told(alpha, f"{INVITE} --no-wait")
    assert (await told(alpha, "host refuse 2 -o json")).json() == [2]
    assert (await told(alpha, "host refuse 2")).code == ExitCode.NOT_FOUND
    assert (await told(alpha, "host refuse -o json")).json() == [1, 3]
    assert "none was open" in (await told(alpha, "host refuse")).out
    await told(alpha, f"{INVITE} --no-wait")
    assert (await told(alpha, "host refuse")).out == "1 invitation was taken back\n"


async def test_open_invitations_are_listed_without_their_codes(alpha: PairingHome) -> None:
    made = (await told(alpha, f"{INVITE} --role admin --no-wait -o json")).json()
    said = await told(alpha, "host pending")
    assert "admin" in said.out
    assert "open" in said.out
    assert made["code"] not in said.out
    row = (await told(alpha, "host pending -o json")).json()[0]
    assert 0 < row["expires_seconds"] <= LIFETIME_S


async def test_a_far_caller_is_asked_nothing(alpha: PairingHome, beta: PairingHome) -> None:
    async with running(told(alpha, INVITE)) as inviting:
        person = Person("yes")
        joining = told(
            beta, f"host join {await code_of(alpha)}", terminal=PERSON, desk=person, actor="3f" * 32
        )
        async with running(joining):
            await until(lambda: alpha.pairing.meetings() and beta.pairing.meetings())
            words = beta.pairing.meetings()[0].words
            await told(beta, "host approve a b c")
        assert words
        assert person.asked == []
    assert inviting.result().code == 1


async def test_a_code_that_is_none_is_a_wrong_use(beta: PairingHome) -> None:
    said = await told(beta, "host join nonsense")
    assert (said.code, "no code of `host invite`" in said.err) == (ExitCode.USAGE, True)


async def test_every_answer_is_what_its_schema_says(alpha: PairingHome, beta: PairingHome) -> None:
    async def valid(home: PairingHome, name: str, words: str = "") -> Any:
        return (await told(home, f"{name} {words} -o json")).valid(name)

    code = (await valid(alpha, "host invite", "--addr 127.0.0.1 --no-wait"))["code"]
    words = (await valid(beta, "host join", f"{code} --no-wait"))["words"]
    await until(lambda: alpha.pairing.meetings())
    assert (await valid(alpha, "host pending"))[0]["words"] == words
    await valid(alpha, "host approve", f"{words} --no-wait")
    await valid(beta, "host approve", words)
    await valid(alpha, "host refuse")
    await valid(alpha, "host forget", "beta")
    await valid(alpha, "host leave")


async def test_a_code_by_the_mesh_alone_is_told_with_the_key_it_leads_to(
    alpha: PairingHome, short_tmp: Path
) -> None:
    refused = await told(alpha, "host invite --mesh --no-wait")
    assert (refused.code, "viscript s reach" in refused.err) == (ExitCode.UNREACHABLE, True)
    (short_tmp / "w").mkdir()
    async with pairing_home(short_tmp / "g", "g", Ways(Ground(), b"\xaa" * 32, short_tmp / "w")) as home:
        said = await told(home, "host invite --mesh --no-wait")
        assert "at mesh:aaaaaaaaaaaaaaaa\n" in said.out
        row = (await told(home, "host invite --mesh --no-wait -o json")).json()
        assert row["addresses"] == ["mesh:" + "aa" * 32]
