"""Driver of supervisord: XML-RPC on its unix socket, by its own transport."""

import xmlrpc.client
from typing import Any

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-not-found]  # the peer's own environment has it

from bench.drivers.loop import serve, settings


def main() -> None:
    """Serve operations on the supervisord that the settings name."""
    told = settings()
    transport = SupervisorTransport(None, None, f"unix://{told['socket']}")
    rpc: Any = xmlrpc.client.ServerProxy(
        "http://127.0.0.1", transport=transport
    ).supervisor  # Any: typed by the peer
    serve(
        {
            "ping": rpc.getState,
            "status_all": lambda: sum(row["statename"] == "RUNNING" for row in rpc.getAllProcessInfo()),
            "stop_all": lambda: len(rpc.stopAllProcesses()),
        }
    )


if __name__ == "__main__":
    main()
