"""Reach: unix sockets here that lead over the mesh to places of other hosts, for the daemons of a cluster."""

from __future__ import annotations

from plugins.reach.apps import app
from viscript.plugin import RegisterApp, hookimpl


@hookimpl
def viscript_register_apps(register: RegisterApp) -> None:
    """Register the app; its code is not imported here."""
    register(app())
