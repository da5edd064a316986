"""Ports of the local stack's servers, among what other users' servers have left."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.ports import Ports, free_ports
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


def test_what_was_given_is_not_given_again_while_there_is_another():
    ports = Ports(range(20_000, 24_000))
    given = [port for _ in range(200) for port in ports.free(10)]
    assert len(set(given)) == 2000


def test_processes_that_share_the_ports_give_none_twice():
    code = "from deploy.local import ports; ports.keep_to({}); print(ports.free_ports(2000))"
    for kept in (range(20_000, 24_000), range(24_000, 28_000)):
        given = subprocess.check_output([sys.executable, "-c", code.format(kept)], text=True)
        ports = {int(port) for port in given.strip("[]\n").split(",")}
        assert len(ports) == 2000
        assert ports < set(kept)


def test_what_is_somebodys_is_not_given():
    ports = Ports(given := free_ports(5))
    ports.leave(given[2])
    ports.leave(1)
    assert set(ports.free(4)) == set(given) - {given[2]}
    with pytest.raises(OSError, match="no free ports"):
        ports.free(5)
