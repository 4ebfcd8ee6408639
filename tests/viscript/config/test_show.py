from viscript.config.loader import load_text
from viscript.config.show import shown

TEXT = "apps:\n  web:\n    path: bin/web\n    env: {A: 1, API_TOKEN: hunter2}\n"


def test_each_value_says_where_it_came_from() -> None:
    loaded = load_text(TEXT, "c.yaml", {"VISCRIPT_LOGGING_LEVEL": "debug"})
    origins = {line.path: (line.value, line.origin) for line in shown(loaded)}
    assert origins["apps.web.path"] == ("bin/web", "file c.yaml:3")
    assert origins["apps.web.env.API_TOKEN"] == ("(hidden)", "file c.yaml:4")
    assert origins["logging.level"] == ("debug", "environment VISCRIPT_LOGGING_LEVEL")
    assert origins["apps.web.stop.grace"] == (10.0, "default")


def test_defaults_can_be_left_out() -> None:
    lines = shown(load_text(TEXT, "c.yaml"), given_only=True)
    assert [line.path for line in lines] == ["apps.web.path", "apps.web.env.A", "apps.web.env.API_TOKEN"]
