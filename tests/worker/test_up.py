"""`reachinbox up` on a machine that has nothing: started, watched through its API, hurt, and stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest

from app.embedded.postgres import EmbeddedPostgres

T = TypeVar("T")


class Service:
    """A running `reachinbox up` with a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._output = folder / "output"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env |= {"PORT": str(port), "REACHINBOX_DATA_DIR": str(self.data_dir), "WORKER_LEASE_SECONDS": "2"}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up"], cwd=folder, env=env, stdout=output, stderr=output
            )
        self._url = f"http://127.0.0.1:{port}"
        self._key = ""

    @property
    def output(self) -> str:
        return self._output.read_text()

    def get(self, path: str) -> Any:
        return self._answer("GET", path).json()

    def post(self, path: str, body: object) -> Any:
        return self._answer("POST", path, json=body).json()

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            try:
                return httpx.get(f"{self._url}/readyz").is_success
            except httpx.TransportError:
                return False

        until(ready, "the service is ready")

    def know_the_key(self) -> None:
        self._key = until(lambda: re.search(r"API key +(\S+)", self.output), "the demo account is shown")[1]

    def campaign(self, campaign_id: int, status: str) -> Any:
        """The campaign, once it has this status."""

        def found() -> Any:
            campaign = self.get(f"/api/campaigns/{campaign_id}")
            return campaign if campaign["status"] == status else None

        return until(found, f"campaign {campaign_id} is {status}")

    def send_three(self) -> None:
        """A campaign goes out."""
        people = [f"{name}@example.com" for name in "abc"]
        scheduled = self.post(
            "/api/campaigns/schedule", {"subject": "Hello", "body": "Still there?", "recipients": people}
        )
        assert self.campaign(scheduled["campaign"]["id"], "FINISHED")["counts"]["SENT"] == 3

    def worker_pids(self) -> list[int]:
        """Process ids of the workers known to the ledger, oldest first."""
        with EmbeddedPostgres(self.data_dir) as postgres, psycopg.connect(postgres.url) as conn:
            return [
                int(name.rpartition(":")[2]) for (name,) in conn.execute("SELECT name FROM workers ORDER BY started_at")
            ]

    def api_pid(self) -> int:
        return int(until(lambda: re.findall(r"Started server process \[(\d+)\]", self.output), "the API starts")[-1])

    @property
    def postmaster(self) -> Path:
        """Where Postgres writes its process id, for as long as it runs."""
        return self.data_dir / "postgres" / "cluster" / "postmaster.pid"

    def postgres_pid(self) -> int:
        return int(self.postmaster.read_text().split()[0])

    def _answer(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}"}
        return httpx.request(method, self._url + path, headers=headers, **body).raise_for_status()


def until(holds: Callable[[], T], what: str, timeout_s: float = 30) -> T:
    """The first truthy answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s until {what}"
        time.sleep(0.05)
    return answer


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has shown its demo."""
    service = Service(tmp_path_factory.mktemp("up"))
    try:
        service.wait_until_ready()
        service.know_the_key()
        yield service
    finally:
        service.process.terminate()
        service.process.wait(30)


def test_the_first_start_shows_a_demo_campaign_of_25_to_its_end(service: Service) -> None:
    (demo,) = service.get("/api/campaigns")["items"]
    counts = service.campaign(demo["id"], "FINISHED")["counts"]
    assert {status: count for status, count in counts.items() if count} == {"SENT": 25}
    until(lambda: "25 of 25: 25 SENT" in service.output, "the end of the demo is shown")
    messages = service.get("/api/sandbox/messages")["items"]
    assert len(messages) == 25
    subjects = {message["envelopeTo"][0]: message["subject"] for message in messages}
    assert subjects["ada@example.com"] == "Ada, a word about spaced sending"
    assert subjects["info@example.net"] == "Hello, a word about spaced sending"


def test_a_killed_worker_is_replaced(service: Service) -> None:
    service.campaign(1, "FINISHED")
    (killed,) = until(service.worker_pids, "a worker is known")
    os.kill(killed, signal.SIGKILL)
    until(lambda: set(service.worker_pids()) - {killed}, "another worker is known")
    service.send_three()


def test_a_killed_api_is_replaced(service: Service) -> None:
    killed = service.api_pid()
    os.kill(killed, signal.SIGKILL)
    until(lambda: service.api_pid() != killed, "another API starts")
    service.wait_until_ready()
    service.send_three()


def test_a_killed_postgres_is_replaced(service: Service) -> None:
    os.kill(service.postgres_pid(), signal.SIGKILL)
    until(lambda: "Postgres had died and was started again" in service.output, "Postgres is started again")
    service.wait_until_ready()
    service.send_three()


def test_sigterm_finishes_what_is_in_flight_and_leaves_no_process(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.wait_until_ready()
    until(lambda: re.search(r"[1-9]\d* SENT", service.output), "the demo has begun")
    pids = [service.process.pid, service.api_pid(), *service.worker_pids()]
    assert len(pids) == 3
    service.process.terminate()
    assert service.process.wait(10) == 0
    assert not any(is_running(pid) for pid in pids)
    assert not service.postmaster.exists()  # it removes that as the last thing it does
    with EmbeddedPostgres(service.data_dir) as postgres, psycopg.connect(postgres.url) as conn:
        (unsure,) = conn.execute("SELECT sending + unknown FROM campaigns").fetchone() or (None,)
        assert unsure == 0
        assert conn.execute("SELECT FROM workers").rowcount == 0


def test_an_address_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        env = {"PORT": str(taken.getsockname()[1]), "REACHINBOX_DATA_DIR": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", "up"], env=env, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    assert "set HOST or PORT to another" in ended.stderr
