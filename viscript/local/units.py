"""The text of the two systemd units. Pure.

systemd's defaults would kill every app together with the daemon. So the keeper, parent of all apps, has
a unit of its own that delegates its cgroup and outlives an out-of-memory app; the daemon's unit is
restarted freely and is hardened, since it starts nothing itself but its keeper's orders. With any
KillMode but `process` systemd would kill what a crashed keeper left for the next one; a stop of the
unit still ends every app, since a keeper that systemd started stops them all on SIGTERM.
"""

from collections.abc import Sequence
from dataclasses import dataclass

KEEPER = "viscript-keeper.service"
DAEMON = "viscript.service"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the units are for."""

    python: str
    home: str
    environment: tuple[tuple[str, str], ...]
    config: str | None
    system: bool  # of the whole machine, not of one user's session


def units(site: Site) -> dict[str, str]:
    """File name -> text."""
    return {KEEPER: _keeper(site), DAEMON: _daemon(site)}


def _keeper(site: Site) -> str:
    return _unit(
        ("Description=viscript keeper: the parent of all apps",),
        (
            "Type=exec",
            f"ExecStart={_command(site.python, '-P', '-m', 'viscript.keeper')}",
            *_environment(site),
            "Restart=always",
            "RestartSec=100ms",
            "Delegate=yes",
            "OOMPolicy=continue",
            "KillMode=process",
            "TimeoutStopSec=90",
            "LimitNOFILE=65536",
        ),
        site,
    )


def _daemon(site: Site) -> str:
    config = ("--config", site.config) if site.config else ()
    return _unit(
        ("Description=viscript daemon", f"Wants={KEEPER}", f"After={KEEPER}"),
        (
            "Type=notify",
            "NotifyAccess=main",
            f"ExecStart={_command(site.python, '-P', '-m', 'viscript.daemon', *config)}",
            "ExecReload=kill -HUP $MAINPID",
            *_environment(site),
            "Restart=always",
            "RestartSec=100ms",
            "TimeoutStartSec=60",
            "LimitNOFILE=65536",
            "UMask=0077",
            "NoNewPrivileges=yes",
            "LockPersonality=yes",
            "RestrictRealtime=yes",
            "RestrictSUIDSGID=yes",
            "SystemCallArchitectures=native",
            *(_confined(site) if site.system else ()),
        ),
        site,
    )


def _confined(site: Site) -> tuple[str, ...]:
    """What only the system's manager can do for sure; a user's may lack the namespaces for it."""
    return (
        "ProtectSystem=strict",
        f"ReadWritePaths={_quoted(site.home)} /tmp /run",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "RestrictNamespaces=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    )


def _environment(site: Site) -> tuple[str, ...]:
    return tuple(f"Environment={_quoted(f'{name}={value}')}" for name, value in site.environment)


def _unit(head: Sequence[str], service: Sequence[str], site: Site) -> str:
    target = "multi-user.target" if site.system else "default.target"
    return "\n".join(["[Unit]", *head, "", "[Service]", *service, "", "[Install]", f"WantedBy={target}", ""])


def _command(*words: str) -> str:
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(word: str) -> str:
    """A word as systemd reads it: `%` doubled, and in quotes where it holds anything special."""
    word = word.replace("%", "%%")
    if word and not any(char in word for char in " \t\"'\\;"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
