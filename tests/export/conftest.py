"""A bundle whose ids hold any character, and servers of one's own in temporary folders."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings

ODD = [
    *("plain", "a/b", "a:b", 'say "hi"', "it's", "semi;colon--", "comma,", "two\nlines\\.", "\\."),
    *("tab\there", "N\\", "%s {} $1", "*?[x]^", "Ünï 漢字 🙂", "007", "1e5", "x\u2028y", "#"),
    *("'); DROP TABLE goeswith_complements; --", "<script>", "\u202eback", "a b", "=1+1"),
]


@pytest.fixture(scope="session")
def odd() -> list[str]:
    """The ids of the products of `bundle`."""
    return ODD


@pytest.fixture(scope="session")
def odd_bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    """Two bundles of the same odd products, with six and with four answers for each."""
    folder = tmp_path_factory.mktemp("odd") / "shop"
    folder.mkdir()
    kinds = ["phone", "case", "tripod"]
    pl.DataFrame(
        {
            "product_id": ODD,
            "type": [kinds[i % 3] for i in range(len(ODD))],
            "title": [f"{kinds[i % 3]} {i}" for i in range(len(ODD))],
        }
    ).write_parquet(folder / "products.parquet")
    n = len(ODD)
    pairs = [(i, (i * j + j) % n) for i in range(n - 3) for j in (1, 2, 5)]
    pl.DataFrame(
        {
            "source": [ODD[i] for i, j in pairs if i != j],
            "target": [ODD[j] for i, j in pairs if i != j],
            "relation": ["co_purchase" for i, j in pairs if i != j],
        }
    ).write_parquet(folder / "relations.parquet")
    out = tmp_path_factory.mktemp("odd-bundles")
    for k in (6, 4):
        settings = Settings(fit=FitSettings(model="cocitation", k=k))
        fit_bundle(load_data(folder), out / str(k), settings)
    return Bundle.open(out / "6"), Bundle.open(out / "4")


@pytest.fixture(scope="session")
def bundle(odd_bundles: tuple[Bundle, Bundle]) -> Bundle:
    return odd_bundles[0]


@pytest.fixture(scope="session")
def later_bundle(odd_bundles: tuple[Bundle, Bundle]) -> Bundle:
    return odd_bundles[1]


@pytest.fixture(scope="session")
def postgres_url(postgresql: Path) -> Iterator[str]:
    """A PostgreSQL of the tests' own, on a free port of this machine."""
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="goeswith-pg-"))
    if user:
        shutil.chown(folder, user)
    subprocess.run(
        f"{postgresql}/initdb -D data -U shop -A trust --no-sync -E UTF8 --locale=C".split(),
        user=user,
        cwd=folder,
        check=True,
        capture_output=True,
    )
    port = free_port()
    settings = f"-D {folder}/data -k {folder} -h 127.0.0.1 -p {port} -c fsync=off"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [postgresql / "postgres", *settings.split()],
            user=user,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(server, folder / "log", "ready to accept connections")
            yield f"postgresql://shop:opensesame@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the tests' own, on a free port of this machine."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    settings = f"--port {port} --bind 127.0.0.1 --dir {folder} --requirepass opensesame"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [redis_server, *settings.split(), "--save", ""],
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(server, folder / "log", "eady to accept connections")
            yield f"redis://:opensesame@127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_for(server: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    """Until the server says so: it listens before it answers."""
    end = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < end:
        if ready in log.read_text():
            return
        time.sleep(0.05)
    pytest.fail(log.read_text())


@pytest.fixture
def expected() -> Callable[[Bundle, int], list[tuple[object, ...]]]:
    """A function: bundle, k -> rows as `Bundle.complements` gives them, without `probability`."""

    def rows(bundle: Bundle, k: int) -> list[tuple[object, ...]]:
        return [
            (
                source,
                rank,
                answer.product_id,
                answer.score,
                answer.model,
                answer.fallback,
                answer.evidence.bought_together,
                bundle.id,
            )
            for source in ODD
            for rank, answer in enumerate(bundle.complements(source, k), start=1)
        ]

    return rows
