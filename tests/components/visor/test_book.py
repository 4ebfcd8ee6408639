from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import keys
from components.visor import book as book_module
from components.visor.book import Book, BookError
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.json"


def key() -> PublicKey:
    return Identity(draw()).public_key


def test_a_label_means_its_key_also_after_a_restart(path: Path) -> None:
    mike = key()
    Book(path).name(mike, "mike")
    again = Book(path)
    assert again.resolve("mike") == mike
    assert again.label(mike) == "mike"
    assert again.labels() == {mike: "mike"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_written_form_of_a_key_is_taken(path: Path) -> None:
    mike = key()
    for text in (mike.hex(), keys.hex66(mike), keys.spoken(mike)):
        assert Book(path).resolve(text) == mike


def test_a_prefix_means_a_key_that_is_known_and_the_only_one(path: Path) -> None:
    book, mike = Book(path), key()
    with pytest.raises(BookError, match="no key known here begins"):
        book.resolve(mike.hex()[:6])
    assert book.resolve(mike.hex()[:6], [mike]) == mike
    twin = PublicKey(mike[:3] + bytes(29))
    with pytest.raises(BookError, match="could be 2 keys"):
        book.resolve(mike.hex()[:6], [mike, twin])


def test_a_name_nobody_has_is_refused_with_what_it_could_be(path: Path) -> None:
    with pytest.raises(BookError, match="nobody here is called 'joe'"):
        Book(path).resolve("joe")


@pytest.mark.parametrize(
    "label, reason",
    [
        ("", ""),
        ("two words", "no label"),
        ("x" * 64, "no label"),
        ("-x", "no label"),
        ("abcdef", "mistaken for a key"),
        ("taken", "another key's label"),
    ],
)
def test_a_label_without_form_is_refused(label: str, reason: str, path: Path) -> None:
    book, mike = Book(path), key()
    book.name(key(), "taken")
    if not label:
        book.name(mike, "mike")
        book.name(mike, "")
        assert book.label(mike) == ""
        return
    with pytest.raises(BookError, match=reason):
        book.name(mike, label)


def test_a_book_has_a_last_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "LABELS_MAX", 1)
    book, mike = Book(path), key()
    book.name(mike, "mike")
    book.name(mike, "michael")
    with pytest.raises(BookError, match="holds 1 labels"):
        book.name(key(), "joe")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"x": "y"}', b'{"a": 1}', b"\xff"])
def test_a_spoilt_file_is_named(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(BookError, match=r"book\.json is no address book"):
        Book(path)


@given(st.text())
def test_any_text_is_a_key_or_a_clear_error(text: str) -> None:
    book = Book(Path("/nonexistent/book.json"))
    with pytest.raises(BookError, match=r"nobody here|no key known"):
        book.resolve(text)
