"""Driver of circusd: its own ZeroMQ client."""

from circus.client import CircusClient  # type: ignore[import-not-found]  # the peer's own environment has it

from bench.drivers.loop import serve, settings


def main() -> None:
    """Serve operations on the circusd that the settings name."""
    client = CircusClient(endpoint=settings()["endpoint"], timeout=80)
    say = client.send_message
    serve(
        {
            "ping": lambda: say("numwatchers")["status"],
            "status_all": lambda: sum(state == "active" for state in say("status")["statuses"].values()),
            "usage_all": lambda: len(say("stats")["infos"]),
            "stop_all": lambda: say("stop", waiting=True)["status"],
        }
    )


if __name__ == "__main__":
    main()
