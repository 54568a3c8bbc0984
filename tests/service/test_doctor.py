"""The doctor, shown one thing after the other that an operator can get wrong."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.secrets import SecretBox
from tests.support.dovecot import PROGRAM, WANTED, dovecot
from tests.support.pg import TemplateServer
from tests.support.shell import Shell
from tests.support.sinkproc import Sink


@pytest.fixture
def installed(tmp_path: Path, database_url: str) -> Shell:
    """With a migrated database."""
    return Shell(tmp_path, DATABASE_URL=database_url, SECRET_KEY="a secret for tests")  # noqa: S106


def test_the_doctor_finds_nothing_wrong(installed: Shell) -> None:
    ended = installed("doctor")
    assert ended.returncode == 0, ended.stdout
    assert [line.split(":")[0] for line in ended.stdout.splitlines()] == [
        f"ok    {name}"
        for name in (
            *("configuration", "data directory", "reverse proxy", "SECRET_KEY", "SMTP", "mail providers"),
            *("database", "migrations", "installation", "role", "temporary tables", "stored passwords"),
        )
    ]


def test_the_doctor_says_what_a_proxy_that_nobody_named_means(installed: Shell) -> None:
    installed.env["BASE_URL"] = "https://mail.example.com"
    assert "ok    reverse proxy: TRUSTED_PROXIES names none: behind a proxy" in installed("doctor").stdout
    named = installed("doctor", TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8").stdout
    assert "ok    reverse proxy: where visitors come from is believed of 127.0.0.1, 10.0.0.0/8" in named


def test_the_doctor_names_a_wrong_setting(tmp_path: Path) -> None:
    ended = Shell(tmp_path)("doctor", PORT="0")
    assert ended.returncode == 1
    assert "PORT: 0 is not a port" in ended.stderr


def test_the_doctor_logs_in_at_the_smtp_server(installed: Shell) -> None:
    with Sink() as sink:
        ended = installed("doctor", SMTP_HOST="127.0.0.1", SMTP_PORT=str(sink.port), SMTP_SECURITY="none")
        assert f"ok    SMTP: 127.0.0.1:{sink.port} lets us in" in ended.stdout
        ended = installed("doctor", SMTP_HOST="127.0.0.1", SMTP_PORT=str(sink.port), SMTP_SECURITY="starttls")
        assert ended.returncode == 1
        assert "STARTTLS extension not supported" in ended.stdout


@pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
def test_the_doctor_logs_in_once_and_trusts_the_authority_that_is_named(installed: Shell) -> None:
    """A wrong password by one mechanism alone, as servers count tries."""
    installed.env |= {"SMTP_HOST": "localhost", "SMTP_USERNAME": "ann@example.com", "SMTP_PASSWORD": "a sécret"}
    with Sink() as sink, dovecot(sink.port, {"ann@example.com": "a sécret"}) as at:
        for port, security in ((at.submission, "starttls"), (at.submissions, "tls")):
            installed.env |= {"SMTP_PORT": str(port), "SMTP_SECURITY": security}
            untrusted = installed("doctor").stdout
            assert f"FAIL  SMTP: localhost:{port}: " in untrusted
            assert "certificate verify failed" in untrusted
            assert (
                f"ok    SMTP: localhost:{port} lets us in" in installed("doctor", SMTP_CA_FILE=str(at.ca_file)).stdout
            )
        refused = installed("doctor", SMTP_CA_FILE=str(at.ca_file), SMTP_PASSWORD="wrong").stdout  # noqa: S106
        assert f"FAIL  SMTP: localhost:{port}: the login is refused: 535 5.7.8 Authentication failed" in refused
        assert at.log().lower().count("password mismatch") == 1


def test_the_doctor_names_a_server_that_is_down(installed: Shell) -> None:
    ended = installed("doctor", SMTP_HOST="127.0.0.1", SMTP_PORT="1")
    assert ended.returncode == 1
    assert "FAIL  SMTP: 127.0.0.1:1: " in ended.stdout
    ended = installed("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert ended.returncode == 1
    assert "FAIL  database: " in ended.stdout


def test_the_doctor_says_how_to_mend_a_right_that_is_missing(installed: Shell) -> None:
    with psycopg.connect(installed.env["DATABASE_URL"]) as conn:
        name = conn.info.dbname
        conn.execute(f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC'.encode())
    ended = installed("doctor")
    assert ended.returncode == 1
    assert f'GRANT TEMPORARY ON DATABASE "{name}" TO reachinbox_tenant' in ended.stdout


def test_the_doctor_warns_of_a_role_that_may_do_anything(
    installed: Shell, postgres: TemplateServer, database_url: str
) -> None:
    ended = installed("doctor", DATABASE_URL=postgres.as_superuser(database_url))
    assert ended.returncode == 0, ended.stdout
    assert "WARN  role: reachinbox is a superuser or bypasses row-level security" in ended.stdout


def test_the_doctor_misses_a_secret_key_that_others_could_have(installed: Shell) -> None:
    ended = installed("doctor", SECRET_KEY="", BASE_URL="https://mail.example.com")
    assert ended.returncode == 1
    assert "FAIL  SECRET_KEY: SECRET_KEY is not set but DATABASE_URL is; " in ended.stdout


async def test_the_doctor_notices_another_secret_key(installed: Shell, pool: Pool, box: SecretBox, user: User) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            b"UPDATE senders SET host = 'smtp.example.com', port = 587, security = 'starttls', username = 'u', "
            b"password_encrypted = %s",
            [box.seal("secret", "senders/1/password")],
        )
    ended = installed("doctor", SECRET_KEY="another")  # noqa: S106 -- in a test
    assert ended.returncode == 1
    assert "FAIL  stored passwords: the stored secret does not fit SECRET_KEY" in ended.stdout
