"""How an engine is reached."""

from viscript.statestore.access import Access


def test_a_password_is_never_shown() -> None:
    access = Access(user="me", password="very secret", key="/k")
    assert repr(access) == str(access) == "Access(tls=False, user='me')"
