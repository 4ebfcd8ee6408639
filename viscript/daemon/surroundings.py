"""The environment of each app: what the daemon gives it, its own values, its secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from viscript.config.env import delta, gather
from viscript.config.fault import BadConfig
from viscript.daemon.tokens import Tokens
from viscript.home import Home
from viscript.supervisor.instance import Managed
from viscript.supervisor.orders import CannotStart

ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 (read, not bound)


class Surroundings:
    """Builds environments for one home."""

    def __init__(self, home: Home, home_id: str, environ: Mapping[str, str], tokens: Tokens) -> None:
        self._home = home
        self._tokens = tokens
        self.tcp_endpoint: str | None = None  # of the door that was opened
        self._home_id = home_id
        self.base = {name: value for name, value in environ.items() if not _ours(name)}

    def delta(self, managed: Managed) -> dict[str, str | None]:
        """What changes over the base environment. Raises `CannotStart` when a file or secret is missing."""
        spec = managed.entry.spec
        try:
            gathered = gather(managed.app, spec, managed.entry.folder, self.base)
        except BadConfig as bad:
            raise CannotStart("env-missing", "; ".join(str(fault) for fault in bad.faults)) from bad
        extra = {**managed.env, **self._signals(managed)}
        return delta(spec, files=gathered.files, secrets=gathered.secrets, extra=extra)

    def whole(self, managed: Managed) -> dict[str, str]:
        """The whole environment, for checks that run a command."""
        changes = self.delta(managed)
        base = self.base if managed.entry.spec.inherit_env else {}
        return {name: value for name, value in {**base, **changes}.items() if value is not None}

    def token_key(self, managed: Managed) -> str | None:
        """What the keeper makes its tokens from; none for an app that joins by the socket file."""
        return self._tokens.key(managed.seq) if managed.entry.spec.join == "tcp" else None

    def _door(self, managed: Managed) -> dict[str, str]:
        """Where it joins. Raises `CannotStart` when that is a door this daemon did not open."""
        if managed.entry.spec.join == "ipc":
            return {"VISCRIPT_ENDPOINT": f"ipc://{self._home.apps_socket}"}
        if self.tcp_endpoint is None:
            raise CannotStart(
                "bad-config",
                "join: tcp: this daemon listens on no tcp address; that begins when it starts: set"
                " `bus: {tcp: 127.0.0.1:7700}`, then `viscript daemon upgrade` (the apps go on)",
            )
        return {
            "VISCRIPT_ENDPOINT": reachable(self.tcp_endpoint),
            "VISCRIPT_SERVER_KEY": self._tokens.server_key,
        }

    def _signals(self, managed: Managed) -> dict[str, str]:
        door = self._door(managed)
        given = {
            **door,
            "VISCRIPT_HOME_ID": self._home_id,
            "VISCRIPT_SEQ": str(managed.seq),
            "VISCRIPT_GENERATION": str(managed.generation),
            "VISCRIPT_STATE": self._home.app_state(managed.name),
            "VISCRIPT_IDENTITY": self._home.identity,
            "SIGNAL_CLIENT": "1",
            "SIGNAL_CLIENT_ID": str(managed.seq),
            "SIGNAL_SERVER_ADDRESS": door["VISCRIPT_ENDPOINT"],
        }
        ready = managed.entry.spec.ready
        if ready is not None and ready.notify:
            given["NOTIFY_SOCKET"] = f"{self._home.apps}/notify.sock"
        return given

    def search_path(self) -> str:
        """Where programs without a slash are looked for."""
        return self.base.get("PATH", os.defpath)


def reachable(endpoint: str) -> str:
    """Where a program of this host reaches a door; one that is open at every address, at the nearest."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return f"tcp://{ANYWHERE.get(host, host)}:{port}"


def _ours(name: str) -> bool:
    """Variables of the daemon's own start that no app may inherit."""
    return name.startswith("VISCRIPT_") or name in (
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "WATCHDOG_USEC",
    )
