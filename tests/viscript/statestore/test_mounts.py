"""Which file system a path is on, by the lines of mountinfo."""

from pathlib import Path

import pytest

from viscript.statestore import mounts
from viscript.statestore.mounts import kind_of, network_kind

TABLE = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw,relatime shared:7 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/me/local rw - xfs /dev/sdb1 rw
32 21 0:42 / /mnt/with\040space rw - cifs //server/share rw
33 21 0:43 / /twice rw - ext4 /dev/sdc1 rw
34 33 0:44 / /twice rw - nfs server:/twice rw
broken line
35 21
"""


@pytest.mark.parametrize(
    "path, kind",
    [
        ("/", "ext4"),
        ("/homestead", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/state", "nfs4"),
        ("/home/me/local/state", "xfs"),
        ("/mnt/with space/a", "cifs"),
        ("/twice/a", "nfs"),
    ],
)
def test_the_deepest_and_last_mount_decides(path: str, kind: str) -> None:
    assert kind_of(TABLE, path) == kind


def test_only_network_kinds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert network_kind(tmp_path) == ""
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "_TABLE", table)
    assert network_kind(tmp_path) == ""  # a system without such a table
    for kind, told in (("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs"), ("tmpfs", "")):
        table.write_text(f"1 0 0:1 / {tmp_path} rw - {kind} x rw\n")
        assert network_kind(tmp_path / "h") == told
