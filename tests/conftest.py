"""Fixtures that the tests share: a real Postgres, a database of their own for each, a user, the API.

`make test` has several processes run them at once (pytest-xdist). Each has a Postgres of its own, and what a test
starts has ports and folders of its own: so two tests meet only at the processors. A test that cannot bear that is
marked `alone`.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from argon2 import PasswordHasher
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from app.db import Pool, open_pool
from app.domain.accounts import passwords
from app.domain.accounts.users import User, create_user
from app.secrets import SecretBox, open_secret_box
from app.settings import Settings
from tests.support.api import Headers, api_client, authorization
from tests.support.engine import Owner, create_owner
from tests.support.pg import TemplateServer, template_server
from tests.support.sinkproc import Sink

# How long an example may take says nothing on a machine that does other things, too.
# The same examples in every run: a failure says something about the change. `make test-long` looks for new ones.
hypothesis.settings.register_profile("some", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.register_profile("many", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("some")


@pytest.fixture(scope="session", autouse=True)
def _cheap_password_hashes() -> Iterator[None]:
    """A tenth of a second for each user is what an attacker should pay, not each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemplateServer]:
    """One server for all tests of this process."""
    with template_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database_url(postgres: TemplateServer) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres.clone() as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url) as pool:
        yield pool


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to send to."""
    with Sink() as sink:
        yield sink


@pytest.fixture
async def owner(pool: Pool) -> Owner:
    """Somebody who sends."""
    return await create_owner(pool)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, as strict with senders' servers as in production: mail goes to the sandbox."""
    return Settings(data_dir=tmp_path, secret_key="a secret for tests", smtp_allow_private=False)  # noqa: S106


@pytest.fixture
def box(settings: Settings) -> SecretBox:
    return open_secret_box(settings)


@pytest.fixture
async def user(pool: Pool, box: SecretBox) -> User:
    """Somebody with a default sender."""
    return await create_user(pool, box, "owner@example.com", "correct horse", default_hourly_limit=100)


@pytest.fixture
async def api(settings: Settings, database_url: str, pool: Pool, user: User) -> AsyncIterator[httpx.AsyncClient]:
    """The API, asked by `user`."""
    async with api_client(settings, database_url, await authorization(pool, user)) as client:
        yield client


@pytest.fixture
async def stranger(pool: Pool, box: SecretBox) -> Headers:
    """Headers that make a request another user's: `api.get(..., headers=stranger)`."""
    other = await create_user(pool, box, "stranger@example.com", "battery staple", default_hourly_limit=100)
    return await authorization(pool, other)


MEMORY = Path("/dev/shm")  # noqa: S108 -- pytest makes a folder of its own there
ENOUGH = 4 << 30


def pytest_configure() -> None:
    """Keep temporary files in memory where there is room: a clone of a database costs a tenth of what it does on disk.

    TMPDIR, where it is set, is obeyed.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    system = os.statvfs(MEMORY)
    if system.f_bavail * system.f_frsize >= ENOUGH and not system.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # is looked up anew


# Tests that take long come first, so that nothing long is begun when the other processes have nothing left to do.
SLOW = ("web", "crash", "http", "worker", "ledger", "service", "sql", "accounts", "operations", "webhooks")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that have to be alone come last."""
    tests = config.rootpath / "tests"

    def turn(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        if item.get_closest_marker("alone"):
            return len(SLOW) + 1
        return SLOW.index(folder) if folder in SLOW else len(SLOW)

    items.sort(key=turn)


# Of tests/web, those that start a service of their own.
HOSTS = tuple(f"tests/web/test_{name}.py" for name in ("connecting", "google_login", "people", "senders"))


class Scheduling(LoadScopeScheduling):
    """Tests of a file share its fixtures, and those of tests/web a browser and, but for HOSTS, a service: one process
    gets a third of them. Those marked `alone` do not come with the others of their file, but last, as they are sorted.
    """

    last: frozenset[str] = frozenset()

    def schedule(self) -> None:
        self.last = frozenset(_of_files_that_come_back(next(iter(self.registered_collections.values()))))
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        if nodeid in self.last:
            return "alone"
        file = nodeid.partition("::")[0]
        if file.startswith("tests/web/"):
            return f"tests/web {'hosts' if file in HOSTS else 'a to l' if file < 'tests/web/test_m' else 'm to z'}"
        return file


def _of_files_that_come_back(nodeids: list[str]) -> Iterator[str]:
    """Tests that the sorting has parted from those of their file that stand before them."""
    files, before, comes_back = set[str](), "", False
    for nodeid in nodeids:
        file = nodeid.partition("::")[0]
        if file != before:
            comes_back = file in files
            files.add(file)
            before = file
        if comes_back:
            yield nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    config.option.loadscopereorder = False  # the order is ours
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """A test marked `alone` waits until those of the other processes have ended, and keeps others from beginning."""
    if not hasattr(item.config, "workerinput"):  # there are no other processes
        return (yield)
    shared_by_all = os.open(Path(item.config.getoption("basetemp")).parent, os.O_RDONLY)
    try:
        fcntl.flock(shared_by_all, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        return (yield)
    finally:
        os.close(shared_by_all)
