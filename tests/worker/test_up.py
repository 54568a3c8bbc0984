"""`reachinbox up` on a machine that has nothing: started, watched through its API, hurt, and stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.embedded.postgres import EmbeddedPostgres
from tests.support.prometheus import samples
from tests.support.service import Service, until
from tests.support.waiting import BOUND_S


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
        service.stop()


def test_the_first_start_shows_a_demo_campaign_of_25_to_its_end(service: Service) -> None:
    demo = service.wait_for_demo()
    assert (demo["recipients"], demo["steps"][1]["wait"]) == (25, "PT120S"), "and whoever does not answer gets one more"
    until(lambda: "25 of 25: 25 SENT" in service.output, "the end of the demo is shown")
    until(lambda: "reply to one in the sandbox inbox" in service.output, "what follows is said")
    messages = [one for one in service.get("/api/sandbox/messages")["items"] if not one["subject"].startswith("Re:")]
    assert len(messages) == 25
    subjects = {message["envelopeTo"][0]: message["subject"] for message in messages}
    assert subjects["ada@example.com"] == "Ada, a word about spaced sending"
    assert subjects["info@example.net"] == "Hello, a word about spaced sending"


def test_a_killed_worker_is_replaced(service: Service) -> None:
    service.wait_for_demo()
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


@pytest.mark.long
def test_an_api_and_a_worker_that_do_not_answer_are_replaced(service: Service) -> None:
    """Within the minute and some that they have; the campaign goes out all the same."""
    api = service.api_pid()
    *_, worker = until(service.worker_pids, "a worker is known")  # the last: a dead one is known for a while
    for pid in (api, worker):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: service.api_pid() != api, "another API starts", 100)
    until(lambda: service.worker_pids()[-1:] not in ([], [worker]), "another worker is known", 100)
    service.wait_until_ready()
    service.send_three()
    assert "api has not answered for" in service.output
    assert "worker has not answered for" in service.output
    seen = samples(httpx.get(f"{service.url}/metrics").text)
    for process in ("api", "worker"):
        assert seen[f"reachinbox_processes_replaced_total process={process}"] == 1
    assert not is_running(api)
    assert not is_running(worker)


@pytest.mark.long
def test_where_another_has_taken_the_port_of_postgres_api_and_worker_learn_the_new_one(tmp_path: Path) -> None:
    service = Service(tmp_path / ("a" * 100))  # too long for a socket
    try:
        service.wait_until_ready()
        service.know_the_key()
        service.wait_for_demo()
        port = int((service.data_dir / "postgres" / "port").read_text())
        os.kill(service.postgres_pid(), signal.SIGKILL)
        with taken(port):
            until(lambda: "Postgres has another port now" in service.output, "Postgres is somewhere else")
            service.wait_until_ready()
            service.send_three()
    finally:
        service.stop()


def taken(port: int) -> socket.socket:
    """As soon as what is left of the server has let go of it."""

    def bound() -> socket.socket | None:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            return None

    return until(bound, "the port is free")


def test_sigterm_finishes_what_is_in_flight_and_leaves_no_process(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        service.wait_until_ready()
        until(lambda: re.search(r"[1-9]\d* SENT", service.output), "the demo has begun")
        pids = [service.process.pid, service.api_pid(), *service.worker_pids()]
        assert len(pids) == 3
        service.process.terminate()
        assert service.process.wait(BOUND_S) == 0
    finally:
        service.stop()
    assert not any(is_running(pid) for pid in pids)
    assert not service.postmaster.exists()  # it removes that as the last thing it does
    with EmbeddedPostgres(service.data_dir) as postgres, psycopg.connect(postgres.url) as conn:
        (unsure,) = conn.execute("SELECT sending + unknown FROM streams").fetchone() or (None,)
        assert unsure == 0
        assert conn.execute("SELECT FROM workers").rowcount == 0


@pytest.mark.long
def test_a_worker_alone_is_watched_as_well(database_url: str, tmp_path: Path) -> None:
    def worker_pids() -> list[int]:
        with psycopg.connect(database_url) as conn:
            return [int(name.rpartition(":")[2]) for (name,) in conn.execute("SELECT name FROM workers")]

    env = {"DATABASE_URL": database_url, "SECRET_KEY": "k", "REACHINBOX_DATA_DIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "app.cli", "worker"], env=env) as process:
        (first,) = until(worker_pids, "a worker is known")
        assert first != process.pid
        os.kill(first, signal.SIGKILL)
        until(lambda: set(worker_pids()) - {first}, "another worker is known")
        process.terminate()
        assert process.wait(BOUND_S) == 0
    assert not is_running(first)


def test_an_address_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        env = {"PORT": str(taken.getsockname()[1]), "REACHINBOX_DATA_DIR": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", "up"], env=env, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    assert "set HOST or PORT to another" in ended.stderr
