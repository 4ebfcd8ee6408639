"""The door to the SDK: complete, and all of it explained."""

from components.visor import app
from components.visor.sdk import errors


def test_what_it_names_is_there_and_has_a_docstring() -> None:
    assert app.__all__ == sorted(app.__all__)
    assert not [name for name in app.__all__ if not getattr(app, name).__doc__]


def test_every_error_is_to_be_had_here() -> None:
    types = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    kinds = {name for name, kind in types.items() if issubclass(kind, errors.AppError)}
    assert kinds <= set(app.__all__)
