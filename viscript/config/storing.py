"""What in `store:` makes no sense, or does not fit together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from viscript.config.model import SecretValue, Store, StoreTls
from viscript.statestore.errors import BadUrl

Wrong = tuple[str, str, str]
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S*")


def store_faults(store: Store) -> Iterator[Wrong]:
    """Key, message and suggestion for what is wrong."""
    if not _URL.fullmatch(store.url):
        yield "store", f'expected a URL such as sqlite://, got "{store.url}"', ""
        return
    try:
        check_url(store.url)
    except BadUrl as exc:
        yield "store", str(exc), ""
    if isinstance(store.tls, StoreTls) and (store.tls.cert is None) is not (store.tls.key is None):
        yield "store.tls", "cert and key belong together", ""
    if store.password is not None and store.user is None:
        yield "store.password", "whose password it is must be said: `user`", ""
    if isinstance(store.password, SecretValue):
        given = [kind for kind in ("file", "env") if getattr(store.password.secret, kind)]
        if len(given) != 1:
            yield "store.password", "a secret has exactly one of file, env", ""


def check_url(url: str) -> None:
    """Look at the URLs whose form is known here. Raises `BadUrl`."""
    if url.startswith("etcd:"):
        from viscript.statestore.etcd.address import address_of

        address_of(url)
    if url.startswith("host:") and not re.fullmatch(r"host://[\w.-]+", url):
        raise BadUrl(f"{url}: a host is named by its label, or by the first digits of its key")
    if url.startswith("sqlite:") and not re.fullmatch(r"sqlite://(/[^?#]+)?", url):
        raise BadUrl(f"{url}: a file is named by its whole path, such as sqlite:///var/lib/viscript/store.db")
