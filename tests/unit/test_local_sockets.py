"""Ports of the local stack's S3 server, among what other users' servers have left."""

from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.servers import left_by_others


def test_another_users_sockets_are_kept_clear_of(tmp_path: Path):
    left = tmp_path / "seaweedfs-master-grpc-21883.sock"
    for path in (left, tmp_path / "seaweedfs-notes.txt", tmp_path / "other-21884.sock"):
        path.touch()
    owner = left.stat().st_uid
    assert left_by_others(tmp_path, owner + 1) == {21883}
    assert left_by_others(tmp_path, 0) == set()


def test_what_is_taken_is_not_given():
    given = set(free_ports(3))
    assert not given & set(free_ports(50, given))
