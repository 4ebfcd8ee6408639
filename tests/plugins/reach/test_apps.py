"""The app as a spec."""

from components.mesh.ports import AppPort
from plugins.reach import options
from plugins.reach.apps import app


def test_one_app_serves_the_home_and_needs_a_visor() -> None:
    spec = app()
    assert (spec.name, spec.needs, spec.daemon) == ("reach", ("visor",), True)
    assert spec.argv[1:] == ("-P", "-m", "plugins.reach.server")
    assert spec.args[-1].default == str(options.PORT) == str(AppPort.REACH)
