import pytest

from viscript.verbs.table import DuplicateVerb, NoDesk, Table, Verb


def test_a_verb_is_found_by_every_spelling_until_it_is_removed() -> None:
    table = Table()
    verb = Verb(name="ping", aliases=("p",), summary="x")
    table.add(verb)
    assert table.get("p") is table.get("ping") is verb
    table.remove("ping")
    assert table.get("p") is None
    assert list(table) == []


@pytest.mark.parametrize("aliases", [("ping",), ("b", "b")])
def test_a_spelling_belongs_to_one_verb(aliases: tuple[str, ...]) -> None:
    table = Table()
    table.add(Verb(name="ping", summary="x"))
    before = table.spellings()
    with pytest.raises(DuplicateVerb):
        table.add(Verb(name="pong", aliases=aliases, summary="x"))
    assert table.spellings() == before


def test_the_second_words_of_a_group_are_known() -> None:
    table = Table()
    table.add(Verb(name="config check", summary="x"))
    table.add(Verb(name="config show", summary="x"))
    assert table.subwords("config") == ("check", "show")
    assert table.subwords("conf") == ()
    table.remove("config check")
    assert table.subwords("config") == ("show",)


async def test_without_a_desk_work_is_awaited_in_place() -> None:
    async def work() -> int:
        return 5

    assert await NoDesk().carry(work()) == 5
    assert NoDesk().detach(7) == 0
    assert await NoDesk().ask("well? ") is None
