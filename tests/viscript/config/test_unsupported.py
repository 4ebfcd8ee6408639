from viscript.config.convert import known_keys
from viscript.config.unsupported import UNSUPPORTED


def test_a_key_is_supported_or_refused_not_both() -> None:
    for section, keys in UNSUPPORTED.items():
        assert not keys & set(known_keys(section))
