"""A running `reachinbox up`, as `make run` starts it, with a data directory of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from app.embedded.postgres import EmbeddedPostgres
from tests.support.ports import free_port
from tests.support.waiting import BOUND_S

T = TypeVar("T")


class Service:
    """A running `reachinbox up` with a data directory of its own."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.data_dir = folder / "data"
        self._output = folder / "output"
        folder.mkdir(exist_ok=True)
        port = free_port()
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | env
        env |= {"PORT": str(port), "REACHINBOX_DATA_DIR": str(self.data_dir), "WORKER_LEASE_SECONDS": "2"}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up"], cwd=folder, env=env, stdout=output, stderr=output
            )
        self.url = f"http://127.0.0.1:{port}"
        # Kept: to make one takes the processors as long as the service takes for three answers.
        self._client = httpx.Client(base_url=self.url, verify=False, timeout=BOUND_S)  # noqa: S501 -- without TLS

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
                return self._client.get("/readyz").is_success
            except httpx.TransportError:
                return False

        until(ready, "the service is ready")

    def know_the_key(self) -> None:
        """And that the demo's campaign is there."""
        key = until(lambda: re.search(r"API key +(\S+)", self.output), "the demo account is shown")[1]
        self._client.headers["Authorization"] = f"Bearer {key}"
        until(lambda: "Demo campaign: " in self.output, "the demo is scheduled")

    @property
    def demo_password(self) -> str | None:
        """That of demo@example.com, once it has been shown."""
        found = re.search(r"password +(\S+)", self.output)
        return found and found[1]

    def campaign(self, campaign_id: int, status: str) -> Any:
        """The campaign, once it has this status."""

        def found() -> Any:
            campaign = self.get(f"/api/campaigns/{campaign_id}")
            return campaign if campaign["status"] == status else None

        return until(found, f"campaign {campaign_id} is {status}")

    def wait_for_demo(self) -> Any:
        """The demo's campaign, once its first step has gone."""

        def found() -> Any:
            campaign = self.get("/api/campaigns/1")
            return campaign if campaign["steps"][0]["sent"] == campaign["recipients"] else None

        return until(found, "the demo's first step has gone")

    def send_three(self) -> None:
        """A campaign goes out."""
        people = [f"{name}@example.com" for name in "abc"]
        scheduled = self.post(
            "/api/campaigns/schedule", {"subject": "Hello", "body": "Still there?", "recipients": people}
        )
        assert self.campaign(scheduled["campaign"]["id"], "FINISHED")["counts"]["SENT"] == 3

    def stop(self) -> None:
        self._client.close()
        self.process.terminate()
        self.process.wait(BOUND_S)

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
        return self._client.request(method, path, **body).raise_for_status()


def until(holds: Callable[[], T], what: str, timeout_s: float = BOUND_S) -> T:
    """The first truthy answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s until {what}"
        time.sleep(0.05)
    return answer
