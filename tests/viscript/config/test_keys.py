from viscript.config.keys import keys_of
from viscript.config.model import App, Check, Config, Output, Restart


def test_a_key_tells_its_type_in_words() -> None:
    kinds = {key.name: key.values for key in keys_of(App)}
    assert kinds["default_args"] == "list of text, or one line"
    assert kinds["env"] == "mapping of text or SecretValue"
    assert kinds["stdin"] == "one of null, pipe"
    assert kinds["settle"] == "time"
    assert {key.name: key.values for key in keys_of(Output)}["max_bytes"] == "size"


def test_a_key_tells_its_default_as_it_would_be_written() -> None:
    defaults = {key.name: key.default for kind in (App, Restart, Output) for key in keys_of(kind)}
    assert defaults["start_timeout"] == "1m"
    assert defaults["max_bytes"] == "10MiB"
    assert defaults["inherit_env"] == "true"
    assert defaults["desc"] == defaults["env"] == ""


def test_a_key_knows_the_section_it_holds() -> None:
    assert next(key for key in keys_of(Config) if key.name == "apps").section is App
    assert next(key for key in keys_of(App) if key.name == "ready").section is Check
