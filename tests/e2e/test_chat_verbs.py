"""`chat` as a person uses it: a daemon, its visor, the prompt, a browser's link and the original's curl."""

import json
import re
import subprocess
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from tests.e2e.test_chat import free_port
from tests.support.home import ScratchHome
from tests.support.mesh import ALICE
from tests.support.wait import eventually

CONFIG = """\
apps: {{}}
plugins:
  settings:
    mesh: {{listen: "127.0.77.3:7777", serve: 127.0.77.3}}
    skychat: {{allow: [{key}], tell_reading: false}}
"""


def test_a_chat_by_its_verbs_its_link_and_curl(scratch_home: ScratchHome) -> None:
    home, port = scratch_home, free_port()
    home.start_daemon(CONFIG.format(key=ALICE.public_key.hex()))
    assert "no chat runs" in home.viscript("chat").err
    home.viscript("start", "meshnet-skychat", "--", "-addr", f":{port}", timeout=90).ok()
    key = re.search(r"your key is ([0-9a-f]{64})", home.viscript("chat").ok().out)
    assert key is not None
    home.viscript("mesh", "name", key[1], "me").ok()
    assert home.viscript("chat", "me", "buy", "milk").ok().out == "read\n"
    assert home.viscript("chat", "me").ok().out.endswith("you: buy milk  [read]\n")
    assert home.viscript("chat", "-o", "json").ok().json()[0]["name"] == "me"
    assert home.viscript("chat", "nobody", "hi").code == 5
    page = home.viscript("chat", "page", "-o", "json").ok().json()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(page["link"], timeout=20) as answer:
        assert b"<title>Chat</title>" in answer.read()
    with browser.open(f"http://127.0.0.1:{port}/me", timeout=20) as answer:
        assert json.loads(answer.read())["key"] == key[1]
    body = json.dumps({"recipient": f"02{key[1]}", "message": "Hello Mike!"})
    argv = ["curl", "-sfK", page["curl"], "--data", body, "-X", "POST", f"http://127.0.0.1:{port}/message"]
    assert json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["text"] == "Hello Mike!"
    follower = subprocess.Popen(
        home.command("chat", "follow", "-o", "jsonl"), env=home.environ, stdout=subprocess.PIPE
    )
    try:
        eventually(lambda: home.viscript("rpc", "skychat", "status").ok().json()["followers"] == 1)
        home.viscript("chat", "me", "third").ok()
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["text"] == "third"
    finally:
        follower.kill()
        follower.communicate()
    assert Path(page["curl"]).parent.stat().st_mode & 0o777 == 0o700
    home.viscript("sd", "all", timeout=60).ok()
