"""What each key of config.yaml means, with an example: the source of reference, schema and `explain`.

A test fails for a key of `model` that is missing here, and for one that is here and nowhere else.
"""

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """One sentence or two, and a value as it is written in the file."""

    text: str
    example: str


def _limit(section: str, example: str) -> dict[str, Meaning]:
    """The keys that all limits have."""
    return {
        f"{section}.max": Meaning("The most it may use.", example),
        f"{section}.action": Meaning(
            "What is done: `warn` says so; `restart` ends the run as a failure, and the restart policy "
            "decides on the pause and the next start; `stop` ends it for good: it is fatal.",
            "warn",
        ),
        f"{section}.for": Meaning("How long it must be over the limit before that is done.", "30s"),
    }


SECTIONS: Final[dict[str, str]] = {
    "Config": "The whole file.",
    "App": "One app: how it is run, watched, restarted and stopped.",
    "Argument": "One positional argument, for hints, completion, validation and help.",
    "Restart": "When and how fast an app that ended is started again.",
    "Check": "How an app shows that it is ready or healthy. Exactly one of signal, notify, tcp, http, exec, "
    "log and settle is given; the words `signal` and `notify` may stand alone.",
    "Stop": "How an app is stopped: asked on the bus, then its signal, then SIGKILL, each to the whole tree.",
    "Output": "Where output goes. Rotation is always on.",
    "Placement": "How many of an app the cluster runs, and how they are spread over hosts.",
    "Schedule": "When an app is run by itself. Exactly one of cron and every is given.",
    "Limits": "What the processes of an app may use together. Looked at every half second while the daemon "
    "runs; a value alone is its `max`.",
    "Socket": "A listening socket that is held for the app over its restarts, and passed to each run by "
    "LISTEN_FDS (sd_listen_fds); an address alone is its `listen`.",
    "Pipe": "How an app of the pipe protocol is started; `true` alone is all of its defaults. The app is a "
    "child of a host, `python -P -m components.visor.pipe`, and ends with it and with its visor; `restart` "
    "says what comes then. It has started when it has said who it is, if no other `ready` is given.",
    "MemoryLimit": "What all its processes hold in memory; what they share is counted once.",
    "CpuLimit": "How busy all its processes are together; 100% is one core.",
    "CountLimit": "Open files, or threads, of all its processes together.",
    "Secret": "Where a secret is read from at each start; exactly one of file and env.",
    "SecretValue": "A value that is read from elsewhere and never shown.",
    "After": "Orders the start behind another app; `after: [db]` and `after: {db: healthy}` are short forms.",
    "Settings": "The original's settings, by their original names.",
    "Plugins": "Where plugins are looked for, which are blocked, and their settings.",
    "Bus": "The signal bus off this host.",
    "Store": "Where the state of a cluster is kept: `sqlite://` (this host, the default), `sqlite:///FILE`, "
    "`etcd://HOST:PORT,HOST:PORT?prefix=/viscript/NAME`, or what a plugin opens. A URL alone is its `url`. "
    "Apps of this host run on whatever becomes of it.",
    "StoreTls": "TLS to the store, by files relative to the configuration's folder; `true` alone trusts what "
    "this host trusts.",
    "Cluster": "This host among the others of its cluster; read when the daemon starts.",
    "Logging": "The daemon's own log.",
}

MEANINGS: Final[dict[str, Meaning]] = {
    "Config.apps": Meaning("The apps by name.", "{web: {path: bin/web}}"),
    "Config.settings": Meaning("The original's settings.", "{runHeadless: true}"),
    "Config.include": Meaning(
        "Files and patterns, relative to this file's folder, that hold further apps.", '["conf.d/*.yaml"]'
    ),
    "Config.plugins": Meaning("Plugin folders, blocked plugins and plugin settings.", "{dirs: [plugins]}"),
    "Config.store": Meaning("Where the state of a cluster is kept.", "etcd://a,b,c?prefix=/viscript/home"),
    "Config.cluster": Meaning(
        "This host among the others of its cluster.", "{label: edge-1, labels: {role: edge}}"
    ),
    "Config.bus": Meaning("The signal bus off this host.", "{tcp: 0.0.0.0:7700}"),
    "Config.logging": Meaning("The daemon's own log.", "{level: debug}"),
    "App.path": Meaning(
        "The executable: relative to the file's folder, then looked up in PATH. That it is missing is said "
        "at the start, not before.",
        "bin/web",
    ),
    "App.command": Meaning(
        "Program and fixed arguments, instead of `path`: a list, or one line split by quotes and spaces.",
        "[python3, -u, web.py]",
    ),
    "App.default_args": Meaning("The arguments when `start` gives none.", '["--port", 8080]'),
    "App.args": Meaning("What the positional arguments are.", "[{name: listen, type: address}]"),
    "App.desc": Meaning("One line for `apps`.", "the web server"),
    "App.help": Meaning("Free text for `help APP`.", '"[1] address to listen on"'),
    "App.daemon": Meaning(
        "Long-running: not attached at start, and an exit with 0 is unexpected too.", "true"
    ),
    "App.autostart": Meaning("Start with the daemon.", "true"),
    "App.instances": Meaning("How many are started.", "2"),
    "App.group": Meaning("The group it belongs to, for `@GROUP` as a target.", "backend"),
    "App.tags": Meaning("Further groups.", "[public, http]"),
    "App.cwd": Meaning("The folder it runs in; without it, the file's folder.", "/srv/web"),
    "App.env": Meaning(
        "Variables to set; null removes one, `{secret: ...}` is read at the start. Numbers and true/false "
        "are passed on as written.",
        "{PORT: 8080, LANG: null}",
    ),
    "App.env_file": Meaning("Files of NAME=VALUE lines, later ones win, `env` wins over all.", "[.env]"),
    "App.inherit_env": Meaning("Pass on the daemon's environment.", "false"),
    "App.user": Meaning("The user it runs as, name or number (root only).", "www-data"),
    "App.group_id": Meaning("The group it runs as, name or number (root only).", "www-data"),
    "App.umask": Meaning("The file mode mask, octal.", "027"),
    "App.nice": Meaning("The scheduling priority, -20 to 19.", "5"),
    "App.rlimits": Meaning("Resource limits by name: a number, a size, or unlimited.", "{nofile: 4096}"),
    "App.restart": Meaning("When and how fast it is started again.", "{policy: always, delay: 2s}"),
    "App.needs": Meaning("Apps that must run: started if they do not, then waited for.", "[db]"),
    "App.after": Meaning("Apps to wait for without starting them; they stop in reverse.", "{db: healthy}"),
    "App.ready": Meaning("How it shows that it is ready.", "{tcp: 127.0.0.1:8080}"),
    "App.health": Meaning(
        "How it shows that it is healthy, asked again and again.", "{http: http://127.0.0.1/}"
    ),
    "App.stop": Meaning("How it is stopped.", "{signal: INT, grace: 30s}"),
    "App.stdin": Meaning("What its standard input is: a pipe for `send` and `attach`, or null.", "pipe"),
    "App.tty": Meaning(
        "A pseudo-terminal instead of pipes; lost when keeper and daemon are both killed.",
        "true",
    ),
    "App.role": Meaning(
        "The role that other hosts of the cluster need to start it: operate, or admin for what gives more "
        "than itself, such as a shell. Left out: as its plugin says, else operate.",
        "admin",
    ),
    "App.pipe": Meaning(
        "It speaks the pipe protocol of Skywire's apps, 2019: its descriptors 3 and 4 are pipes to the "
        "visor, which it needs without saying so.",
        "{port: 1}",
    ),
    "Pipe.port": Meaning("The mesh port others reach it on, 0 for none: 1 skychat, 2 SSH.", "1"),
    "Pipe.name": Meaning("What it must call itself; anything when left out.", "skychat"),
    "Pipe.version": Meaning("The version it must have; any when left out.", '"1.0"'),
    "Pipe.log_arg": Meaning(
        "Put the path of a log before its arguments, as its own visor did; helloworld takes it for a key.",
        "false",
    ),
    "Pipe.raw": Meaning("What it sends are bytes, not messages: streams have no lengths then.", "true"),
    "App.join": Meaning(
        "How it reaches the signal bus: by its socket file, or over `bus.tcp` with a token of its own, for a "
        "program that cannot see the file (another root folder, a container on the host's network).",
        "tcp",
    ),
    "App.start_timeout": Meaning("How long a start may take.", "2m"),
    "App.settle": Meaning(
        "How long it must live to count as started, when it neither registers nor has a `ready` check.", "3s"
    ),
    "App.forking": Meaning("The leader exits and its child goes on.", "true"),
    "App.output": Meaning("Where its output goes.", "{max_bytes: 50MiB, backups: 3}"),
    "App.host": Meaning(
        "Which host of the cluster runs it: any, a host's label, LABEL=VALUE, or a glob; `,` means and. This "
        "host orders it from the cluster, as `deploy` does: with `autostart` when the daemon starts and at "
        "`apply`, else at `start`. Taken out of the file, it is taken away.",
        "role=edge",
    ),
    "App.placement": Meaning(
        "How many of it the cluster runs; without `host`, on any host.", "{count: 3, spread: zone}"
    ),
    "App.schedule": Meaning(
        "When it is run by itself. It is not started with the daemon then, whatever `autostart` says.",
        '{cron: "0 3 * * *"}',
    ),
    "App.watch": Meaning(
        "Files, folders and patterns, relative to this file's folder: a change there restarts what runs.",
        '[src, "conf/**/*.yaml"]',
    ),
    "App.limits": Meaning(
        "What its processes may use together, and what is done when they use more.",
        "{memory: 512MiB, cpu: {max: 80%, action: warn, for: 1m}}",
    ),
    "App.sockets": Meaning(
        "Listening sockets by name, held for it while it runs or restarts: no restart refuses a connection.",
        '{web: "127.0.0.1:8080"}',
    ),
    "Socket.listen": Meaning(
        "An IP address with a port, or `unix:` and a path, which is relative to the file's folder.",
        '"[::]:80"',
    ),
    "Socket.type": Meaning("Connections or datagrams.", "datagram"),
    "Socket.backlog": Meaning("How many connections may wait; the system has a bound of its own.", "128"),
    "Socket.mode": Meaning("The file mode of a unix socket, octal.", '"660"'),
    **_limit("MemoryLimit", "512MiB"),
    **_limit("CpuLimit", "80%"),
    **_limit("CountLimit", "1000"),
    "Limits.memory": Meaning("Memory of all its processes.", "512MiB"),
    "Limits.cpu": Meaning("Use of the processors, in percent of one core.", "{max: 150%, for: 30s}"),
    "Limits.fds": Meaning("Open files and sockets of all its processes.", "1000"),
    "Limits.threads": Meaning("Threads of all its processes.", "{max: 200, action: stop}"),
    "Argument.name": Meaning("Its name in hints and help.", "listen"),
    "Argument.type": Meaning(
        "What it must look like; a first argument of type `name` names the instance too.", "address"
    ),
    "Argument.help": Meaning("One line about it.", "where to listen"),
    "Argument.default": Meaning("What it is when not given.", "127.0.0.1:20000"),
    "Argument.choices": Meaning("The only values allowed.", "[fast, safe]"),
    "Argument.required": Meaning("Whether a start without it is refused.", "true"),
    "Restart.policy": Meaning("After a failure, always, or never.", "always"),
    "Restart.delay": Meaning(
        "The first delay; it doubles with each failure. The first restart in a window is immediate when the "
        "run had reached running.",
        "500ms",
    ),
    "Restart.max_delay": Meaning("The longest delay.", "2m"),
    "Restart.jitter": Meaning("By which part of itself a delay may vary.", "0.1"),
    "Restart.burst": Meaning("How many failures in `window` are a burst.", "10"),
    "Restart.window": Meaning("The time in which failures are counted.", "5m"),
    "Restart.give_up": Meaning("Never, or after a burst; then the app is fatal.", "after burst"),
    "Restart.success_codes": Meaning(
        "Exit codes that are no failure: [0] when not given, none with `daemon: true`.", "[0, 143]"
    ),
    "Check.signal": Meaning("It registered on the bus.", "true"),
    "Check.notify": Meaning("It sent READY=1 to NOTIFY_SOCKET (sd_notify).", "true"),
    "Check.tcp": Meaning("A TCP connection to HOST:PORT, :PORT or PORT is accepted.", "127.0.0.1:8080"),
    "Check.http": Meaning("A GET is answered with 2xx or 3xx.", "http://127.0.0.1:8080/health"),
    "Check.exec": Meaning("A command exits with 0.", "[pg_isready, -q]"),
    "Check.log": Meaning("A line of its output matches this regular expression.", '"listening on"'),
    "Check.settle": Meaning("It lived for so long.", "5s"),
    "Check.interval": Meaning("The time between two tries.", "5s"),
    "Check.timeout": Meaning("How long one try may take.", "1s"),
    "Check.retries": Meaning("How many failures in a row count.", "5"),
    "Check.start_period": Meaning("Failures in the first so many seconds do not count.", "30s"),
    "Stop.signal": Meaning("The signal after the request on the bus, by name or number.", "INT"),
    "Stop.grace": Meaning("How long it has before SIGKILL.", "30s"),
    "Stop.kill_tree": Meaning("Whether its descendants are stopped with it.", "true"),
    "Stop.pre_stop": Meaning("A command to run before anything else.", "[bin/drain]"),
    "Output.file": Meaning("A further name for the newest log.", "logs/web.log"),
    "Output.max_bytes": Meaning("How large one log may become.", "50MiB"),
    "Output.backups": Meaning("How many full logs are kept.", "3"),
    "Output.timestamps": Meaning("Put the time before each line when the log is shown.", "true"),
    "Output.merge": Meaning("Keep stderr and stdout in one log.", "false"),
    "Output.format": Meaning("Lines are text, or JSON objects.", "json"),
    "Placement.count": Meaning("How many instances, 1 to 1000.", "3"),
    "Placement.spread": Meaning(
        "The label of hosts over whose values the instances are spread evenly.", "zone"
    ),
    "Placement.exclusive": Meaning(
        "Whether one host at a time may run an instance, which ends when that host loses the cluster's "
        "store. Left out: so it is where several hosts may run it.",
        "true",
    ),
    "Schedule.cron": Meaning(
        "Minute, hour, day of the month, month, day of the week; of six fields, the first is the second. Or "
        "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.",
        '"30 3 * * MON-FRI"',
    ),
    "Schedule.every": Meaning(
        "The time from the start of a run to the next; a change of the host's clock does not alter it.",
        "5m",
    ),
    "Schedule.timezone": Meaning(
        "Where `cron` is read; the host's own zone when not given.", "Europe/Vienna"
    ),
    "Schedule.overlap": Meaning(
        "What becomes of a run that is due while the one before goes on: left out, waits (one at most), "
        "or begins when that one was ended for it.",
        "queue",
    ),
    "Schedule.at_start": Meaning("Run it also when the daemon is started.", "true"),
    "Secret.file": Meaning("A file; one line end at its end is dropped.", "/run/secrets/token"),
    "Secret.env": Meaning("A variable of the daemon's environment.", "WEB_TOKEN"),
    "SecretValue.secret": Meaning("Where the value is read from.", "{file: /run/secrets/token}"),
    "After.app": Meaning("The other app.", "db"),
    "After.condition": Meaning("What it must have reached.", "healthy"),
    "Settings.verboseInput": Meaning("Accepted for the original's files; logged at debug level.", "false"),
    "Settings.verifyParsingByPrinting": Meaning(
        "Accepted for the original's files; logged at debug level.", "true"
    ),
    "Settings.runHeadless": Meaning("A bare `viscript` opens no prompt.", "true"),
    "Plugins.dirs": Meaning("Folders with plugin files.", "[plugins]"),
    "Plugins.block": Meaning("Plugins that are not loaded.", "[skychat]"),
    "Plugins.strict": Meaning("A plugin that cannot be loaded stops the start.", "true"),
    "Plugins.settings": Meaning("Settings by plugin; the plugin says which there are.", "{chat: {rooms: 5}}"),
    "Store.url": Meaning("Which store, and where; read when the daemon starts.", "etcd://10.0.0.1,10.0.0.2"),
    "Store.tls": Meaning("Encrypt the way to it.", "{ca: tls/ca.pem}"),
    "Store.user": Meaning("The user to be there.", "viscript"),
    "Store.password": Meaning(
        "That user's password, read when the daemon starts.", "{secret: {file: secrets/etcd}}"
    ),
    "StoreTls.ca": Meaning("The certificate of who signs the store's.", "tls/ca.pem"),
    "StoreTls.cert": Meaning("The certificate this host shows.", "tls/host.pem"),
    "StoreTls.key": Meaning("The key of that certificate.", "tls/host.key"),
    "Bus.tcp": Meaning("Listen there too, always encrypted; read when the daemon starts.", "0.0.0.0:7700"),
    "Bus.allow": Meaning(
        "Bus keys of the hosts whose programs may join there; `whoami` shows them.", "[3b6a27bc...]"
    ),
    "Bus.external": Meaning("Let programs join that were not started here.", "true"),
    "Cluster.listen": Meaning(
        "Where other hosts connect, always encrypted; left out, port 7791 of every address, or a free one "
        "where that is taken; an empty list: nowhere, this host connects to the others.",
        '["tcp://0.0.0.0:7791"]',
    ),
    "Cluster.advertise": Meaning(
        "What the other hosts are told to connect to, where that is not what it listens on.",
        '["tcp://edge.example.org:7791"]',
    ),
    "Cluster.label": Meaning("What it is called when it joins; left out, its host name.", "edge-1"),
    "Cluster.labels": Meaning("Words that hosts are selected by, such as `role=edge`.", "{role: edge}"),
    "Logging.level": Meaning("How much is logged.", "debug"),
}
