"""The file `viscript init` writes."""

from pathlib import Path
from typing import Final

SCHEMA_NAME: Final = "schema.json"

_TEMPLATE: Final = """\
# yaml-language-server: $schema={schema}
#
# What runs here. `viscript config check` finds what is wrong, `viscript apply --dry-run` shows what
# a change would do, `viscript apply` does it, `viscript config explain apps.restart` explains a key.

apps:
  hello:
    desc: prints the time every five seconds
    command: [sh, -c, "while :; do date; sleep 5; done"]
    daemon: true          # long-running: an exit is unexpected, whatever its code
    autostart: false      # true: start it with the daemon

  # web:
  #   desc: a web server
  #   path: bin/web       # relative to this file, then PATH
  #   default_args: [--port, 8080]
  #   daemon: true
  #   autostart: true
  #   env:
  #     LANG: C.UTF-8
  #     API_TOKEN: {{secret: {{file: secrets/token}}}}   # read at the start, never shown
  #   ready: {{tcp: 127.0.0.1:8080}}   # "started" is said when it accepts
  #   restart: {{policy: on-failure, delay: 1s, max_delay: 1m}}
  #   stop: {{signal: TERM, grace: 10s}}
  #   needs: [hello]      # started first, and waited for

settings:
  runHeadless: false      # true: a bare `viscript` opens no prompt
"""


def template(schema: str = "") -> str:
    """A file that may be used as it is; `schema` is where editors look, by default the installed one."""
    return _TEMPLATE.format(schema=schema or schema_path())


def schema_path() -> str:
    """Where the installed schema stands."""
    return str(Path(__file__).with_name(SCHEMA_NAME))
