"""All a plugin imports: `from viscript.plugin import app, hookimpl, AppSpec, ...`.

docs/guide/plugins.md tells how to write one, docs/reference/hooks.md shows every hook.
"""

from viscript.config.model import After, Argument, Check, Restart, Stop
from viscript.errors import ExitCode, VerbError
from viscript.events import Event
from viscript.pluginhost.appcontext import AppContext
from viscript.pluginhost.appform import app
from viscript.pluginhost.hookspecs import hookimpl
from viscript.pluginhost.spec import (
    API_VERSION,
    Answer,
    AppSpec,
    DoctorCheck,
    Handler,
    RegisterApp,
    RegisterVerb,
    Target,
    VerbSpec,
)
from viscript.pluginhost.verbcall import VerbCall
from viscript.verbs.table import Arg, Option, Role

__all__ = [
    "API_VERSION",
    "After",
    "Answer",
    "AppContext",
    "AppSpec",
    "Arg",
    "Argument",
    "Check",
    "DoctorCheck",
    "Event",
    "ExitCode",
    "Handler",
    "Option",
    "RegisterApp",
    "RegisterVerb",
    "Restart",
    "Role",
    "Stop",
    "Target",
    "VerbCall",
    "VerbError",
    "VerbSpec",
    "app",
    "hookimpl",
]
