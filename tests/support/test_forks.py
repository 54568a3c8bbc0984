"""Workers that are forked end as those that are started by themselves."""

from __future__ import annotations

from pathlib import Path

from tests.support.forks import Forked, start_worker


def _started(log: Path, **env: str) -> Forked:
    with log.open("w") as file:
        return start_worker({"SECRET_KEY": "k"} | env, file.fileno())


def test_it_knows_its_environment_alone_and_its_exit_code_comes_along(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert _started(log, WORKER_CONCURRENCY="many").wait(60) == 1
    assert "WORKER_CONCURRENCY" in log.read_text()


def test_whoever_is_killed_runs_until_then(tmp_path: Path) -> None:
    worker = _started(tmp_path / "log", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert worker.poll() is None
    worker.kill()
    assert worker.wait(60) == -9
    assert worker.poll() == -9
    worker.kill()  # is no harm
