"""The app as a spec."""

from plugins.forward import options
from plugins.forward.apps import app


def test_one_app_carries_all_and_needs_a_visor() -> None:
    spec = app()
    assert (spec.name, spec.needs, spec.daemon) == ("forward", ("visor",), True)
    assert spec.argv[1:] == ("-P", "-m", "plugins.forward.server")
    assert spec.args[-1].default == str(options.PORT)
