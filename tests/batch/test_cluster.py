"""Batches on a Ray cluster."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batches import contents, run, wait_for

from fervideo import cache
from fervideo.batch import cluster as cluster_module
from fervideo.errors import UsageError


def test_an_address_that_does_not_respond_is_reported_soon(
    folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("ray")
    assert cluster_module._RESPONSE_S < 20
    monkeypatch.setattr(cluster_module, "_RESPONSE_S", 3.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        began = time.monotonic()
        with pytest.raises(UsageError, match="no Ray cluster responds"):
            run(folder, tmp_path, engine="ray", address=f"127.0.0.1:{mute.getsockname()[1]}")
        assert time.monotonic() - began < 13


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """Two nodes on this machine, with a core each, and a driver that is connected to them."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Nodes on one machine share its memory, which Ray would take for the memory of each.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        second = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster, second
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_that_loses_a_node_gives_the_same_bytes(
    ray_cluster: Any, unbroken: Path, folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    cluster, second = ray_cluster
    report = run(folder, tmp_path / "shared", engine="ray")
    assert (report.done, report.skipped) == (2, 0)
    assert contents(tmp_path / "shared") == contents(unbroken)
    # As if the nodes did not see the driver's disk: segments come back as bytes. And one node goes in the middle.
    cache.clear()
    monkeypatch.setattr(cluster_module, "_all_see", lambda folders: False)

    def lose_a_node() -> None:
        wait_for(lambda: any(own_cache.rglob("*.safetensors")))
        cluster.remove_node(second)

    lost = threading.Thread(target=lose_a_node)
    lost.start()
    report = run(folder, tmp_path / "apart", engine="ray")
    lost.join()
    assert (report.done, report.skipped) == (2, 0)
    assert contents(tmp_path / "apart") == contents(unbroken)
