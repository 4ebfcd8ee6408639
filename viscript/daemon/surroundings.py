"""The environment of each app: what the daemon gives it, its own values, its secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping

from viscript.config.env import delta, gather
from viscript.config.fault import BadConfig
from viscript.home import Home
from viscript.supervisor.instance import Managed
from viscript.supervisor.orders import CannotStart


class Surroundings:
    """Builds environments for one home."""

    def __init__(self, home: Home, home_id: str, environ: Mapping[str, str]) -> None:
        self._home = home
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

    def _signals(self, managed: Managed) -> dict[str, str]:
        endpoint = f"ipc://{self._home.apps_socket}"
        given = {
            "VISCRIPT_ENDPOINT": endpoint,
            "VISCRIPT_HOME_ID": self._home_id,
            "VISCRIPT_SEQ": str(managed.seq),
            "VISCRIPT_GENERATION": str(managed.generation),
            "VISCRIPT_STATE": self._home.app_state(managed.name),
            "VISCRIPT_IDENTITY": self._home.identity,
            "SIGNAL_CLIENT": "1",
            "SIGNAL_CLIENT_ID": str(managed.seq),
            "SIGNAL_SERVER_ADDRESS": endpoint,
        }
        ready = managed.entry.spec.ready
        if ready is not None and ready.notify:
            given["NOTIFY_SOCKET"] = f"{self._home.apps}/notify.sock"
        return given

    def search_path(self) -> str:
        """Where programs without a slash are looked for."""
        return self.base.get("PATH", os.defpath)


def _ours(name: str) -> bool:
    """Variables of the daemon's own start that no app may inherit."""
    return name.startswith("VISCRIPT_") or name in (
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "WATCHDOG_USEC",
    )
