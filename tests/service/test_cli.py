"""The command line as a shell sees it: what it prints where, and its exit status."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg.sql import SQL, Identifier

from app.db import Pool, transaction
from app.domain.accounts.users import User, create_user
from app.domain.pages import PageRequest
from app.domain.workspaces import audit, keys, members
from app.errors import Unauthenticated
from app.secrets import SecretBox
from tests.support.pg import TemplateServer
from tests.support.shell import Shell


@pytest.fixture
def reachinbox(tmp_path: Path) -> Shell:
    """Without a database."""
    return Shell(tmp_path)


@pytest.fixture
def installed(reachinbox: Shell, database_url: str) -> Shell:
    """With a migrated database."""
    reachinbox.env["DATABASE_URL"] = database_url
    return reachinbox


# Commands and settings


@pytest.mark.parametrize("arguments", [(), ("frobnicate",), ("up", "--fast"), ("create-user",), ("migrate", "now")])
def test_a_wrong_command_shows_the_usage_and_exits_with_2(reachinbox: Shell, arguments: tuple[str, ...]) -> None:
    ended = reachinbox(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: reachinbox")


def test_help_names_every_command(reachinbox: Shell) -> None:
    ended = reachinbox("--help")
    assert ended.returncode == 0
    for command in (
        *("up", "api", "worker", "migrate", "demo", "create-user", "set-password", "disable-user", "enable-user"),
        *("create-api-key", "rotate-key", "doctor"),
    ):
        assert f"\n    {command}" in ended.stdout


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_without_room_for_all_letters_is_refused(
    reachinbox: Shell, postgres: TemplateServer, encoding: str
) -> None:
    how = "TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C' ENCODING "
    url = postgres.empty(f"{how}'SQL_ASCII'" if encoding == "SQL_ASCII" else f"{how}'LATIN1'")
    secret = {"DATABASE_URL": url, "SECRET_KEY": "a secret for tests"}
    ended = reachinbox("migrate", **secret)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert f"the database's encoding is {encoding}" in ended.stderr
    assert f"FAIL  database: the database's encoding is {encoding}" in reachinbox("doctor", **secret).stdout


def test_a_role_that_does_not_own_the_database_is_told_so(reachinbox: Shell, postgres: TemplateServer) -> None:
    url = postgres.empty()
    with closing(psycopg.connect(postgres.as_superuser(url), autocommit=True)) as conn:
        conn.execute("ALTER SCHEMA public OWNER TO CURRENT_USER")
        conn.execute(SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(Identifier(urlsplit(url).path[1:])))
    ended = reachinbox("migrate", DATABASE_URL=url, SECRET_KEY="a secret for tests")  # noqa: S106
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "the service's role has to own the database" in ended.stderr


def test_every_wrong_setting_is_named_and_the_exit_is_2(reachinbox: Shell) -> None:
    ended = reachinbox("up", PORT="0", MAX_ATTEMPTS="many", SMTP_USERNAME="me")
    assert ended.returncode == 2
    assert "MAX_ATTEMPTS: 'many' is not right" in ended.stderr
    ended = reachinbox("up", PORT="0", SMTP_USERNAME="me")
    assert [line.partition(" ")[0] for line in ended.stderr.splitlines()] == ["PORT:", "SMTP_USERNAME", "SMTP_USERNAME"]


def test_a_database_that_is_down_is_said_in_words(reachinbox: Shell) -> None:
    ended = reachinbox("migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert ended.returncode == 1
    assert "the database does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["up", "api", "worker", "rotate-key"])
def test_with_a_database_of_ones_own_nothing_runs_without_a_secret_key(reachinbox: Shell, command: str) -> None:
    there = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "BASE_URL": "https://mail.example.com"}
    ended = reachinbox(command, **there)
    assert ended.returncode == 2
    assert ended.stderr.startswith("SECRET_KEY is not set but DATABASE_URL is; ")


# Migrations


@pytest.mark.parametrize("command", ["api", "worker", "demo"])
def test_on_a_database_that_lacks_migrations_nothing_runs(
    reachinbox: Shell, postgres: TemplateServer, command: str
) -> None:
    with postgres.clone() as url:
        with psycopg.connect(url) as conn:
            conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0003_tenants'")
        ended = reachinbox(command, DATABASE_URL=url, SECRET_KEY="a secret for tests")  # noqa: S106
    assert ended.returncode == 1
    assert ended.stderr == "reachinbox: the database lacks migrations: 0003_tenants; run `reachinbox migrate`\n"


def test_migrate_says_how_much_it_did(reachinbox: Shell, postgres: TemplateServer) -> None:
    with postgres.clone() as url:
        with psycopg.connect(url) as conn:
            conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0030_saved_lists'")
        assert reachinbox("migrate", DATABASE_URL=url).stdout == "1 migrations applied\n"
        assert reachinbox("migrate", DATABASE_URL=url).stdout == "nothing to migrate\n"


# Accounts and keys


async def test_a_user_has_the_password_of_standard_input(installed: Shell, pool: Pool) -> None:
    ended = installed("create-user", "Ada@Example.com", stdin="correct horse\n")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert await password_fits(pool, "ada@example.com", "correct horse")


async def test_without_standard_input_a_password_is_made_and_printed_alone(installed: Shell, pool: Pool) -> None:
    ended = installed("create-user", "ada@example.com", stdin="")
    assert ended.returncode == 0
    assert await password_fits(pool, "ada@example.com", ended.stdout.removesuffix("\n"))


def test_a_closed_standard_input_is_an_empty_one(installed: Shell) -> None:
    ended = installed.without_stdin("create-user", "ada@example.com")
    assert ended.returncode == 0
    assert len(ended.stdout.strip()) >= 16


async def test_on_a_terminal_the_password_is_asked_for_twice(installed: Shell, pool: Pool) -> None:
    create = ("create-user", "ada@example.com")
    assert installed.on_a_terminal(*create, answers=["correct horse", "correct house"]) == 1
    assert installed.on_a_terminal(*create, answers=["correct horse", "correct horse"]) == 0
    assert await password_fits(pool, "ada@example.com", "correct horse")


@pytest.mark.parametrize(
    ("email", "password", "complaint"),
    [
        ("ada@example.com", "short", "password: give 8 to"),
        ("ada", "correct horse", "email: "),
    ],
)
def test_what_cannot_be_an_account_is_refused(installed: Shell, email: str, password: str, complaint: str) -> None:
    ended = installed("create-user", email, stdin=password)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"reachinbox: {complaint}")


def test_an_address_has_one_account(installed: Shell) -> None:
    installed("create-user", "ada@example.com")
    ended = installed("create-user", "ADA@example.com")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "has an account already" in ended.stderr


async def test_an_account_is_disabled_and_enabled(installed: Shell, pool: Pool, user: User) -> None:
    installed("create-user", "ada@example.com", stdin="correct horse")
    key = installed("create-api-key", "ada@example.com").stdout.strip()
    assert installed("disable-user", "ADA@example.com").stdout == "ada@example.com is disabled; campaigns paused: 0\n"
    with pytest.raises(Unauthenticated):
        await keys.find_holder(pool, key)
    again = installed("disable-user", "ada@example.com", "--pause-campaigns")
    assert (again.returncode, again.stdout) == (0, "ada@example.com is disabled; campaigns paused: 0\n")
    assert installed("enable-user", "ada@example.com").stdout == "ada@example.com may log in again\n"
    assert (await keys.find_holder(pool, key)).user.email == "ada@example.com"
    for refused, why in (
        (installed("disable-user", user.email), "this is the last administrator's account"),
        (installed("disable-user", "nobody@example.com"), "no account for nobody@example.com"),
        (installed("enable-user", "nobody@example.com"), "no account for nobody@example.com"),
    ):
        assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", f"reachinbox: {why}\n")
    log = await audit.list_entries(pool, None, None, PageRequest(), of_accounts=True)
    assert [(entry.action, entry.who) for entry in log.items] == [
        ("account.enabled", "command line"),
        ("account.disabled", "command line"),
        ("account.created", "command line"),
        ("account.created", "command line"),
    ]


async def test_a_forgotten_password_is_set_anew(installed: Shell, pool: Pool) -> None:
    """UX.md B7: nobody was let in again where no mail leaves the installation."""
    installed("create-user", "ada@example.com", stdin="correct horse")
    key = installed("create-api-key", "ada@example.com").stdout.strip()
    weak = installed("set-password", "ada@example.com", stdin="password")
    assert (weak.returncode, weak.stderr.partition(". ")[0]) == (1, "reachinbox: password: is easy to guess")
    assert await password_fits(pool, "ada@example.com", "correct horse")
    ended = installed("set-password", "ADA@example.com", stdin="battery staple")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "ADA@example.com has another password now; API keys revoked: 1\n"
    assert await password_fits(pool, "ada@example.com", "battery staple")
    with pytest.raises(Unauthenticated):
        await keys.find_holder(pool, key)
    made = installed("set-password", "ada@example.com", stdin="").stdout.strip()
    assert await password_fits(pool, "ada@example.com", made)
    unknown = installed("set-password", "nobody@example.com", stdin="battery staple")
    assert (unknown.returncode, unknown.stderr) == (1, "reachinbox: no account for nobody@example.com\n")


async def test_an_api_key_is_printed_alone_and_works(installed: Shell, pool: Pool, user: User) -> None:
    ended = installed("create-api-key", user.email)
    assert ended.returncode == 0
    assert (await keys.find_holder(pool, ended.stdout.removesuffix("\n"))).user == user


async def test_an_api_key_is_for_the_workspace_named(installed: Shell, pool: Pool, box: SecretBox, user: User) -> None:
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    refused = installed("create-api-key", user.email, "--workspace", str(other.workspace_id))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"reachinbox: {user.email} is no member of a workspace {other.workspace_id}\n"
    async with transaction(pool) as conn:
        await members.join(conn, other.workspace_id, user.id, "viewer")
    ended = installed("create-api-key", user.email, "--workspace", str(other.workspace_id))
    holder = (await keys.find_holder(pool, ended.stdout.removesuffix("\n"))).user
    assert (holder.id, holder.workspace_id, holder.role) == (user.id, other.workspace_id, "viewer")
    (entry,) = [e for e in (await audit.list_entries(pool, other.workspace_id, user.id, PageRequest())).items]
    assert (entry.action.partition(".")[0], entry.who) == ("key", "command line")


def test_an_api_key_for_nobody_is_refused(installed: Shell) -> None:
    ended = installed("create-api-key", "nobody@example.com")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "reachinbox: no account for nobody@example.com\n"


async def password_fits(pool: Pool, email: str, password: str) -> bool:
    async with pool.connection() as conn:
        row = await (await conn.execute(b"SELECT password_hash FROM users WHERE email ILIKE %s", [email])).fetchone()
    return row is not None and PasswordHasher().verify(row["password_hash"], password)
