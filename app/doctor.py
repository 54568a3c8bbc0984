"""`reachinbox doctor`: what an operator can get wrong, checked one by one and said in a line each."""

from __future__ import annotations

import asyncio
import smtplib
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import psycopg
from psycopg.rows import dict_row

from app.db import NOT_UTF8, Row, open_pool, open_pool_through_pooler
from app.domain.oauth.providers import read_providers
from app.domain.operations import installation, readiness
from app.domain.senders.senders import password_place
from app.errors import AppError, Unavailable
from app.mail.login import by_password
from app.secrets import UndecipherableSecret, open_secret_box
from app.settings import Settings, SettingsError, check_secret_key, trust
from app.sql import queries

sql = queries(__name__)

OLDEST_POSTGRES = 15
SMTP_TIMEOUT_S = 15.0
ANTICIPATED = (AppError, SettingsError, UndecipherableSecret, psycopg.Error, OSError)

Connection = psycopg.Connection[Row]


def examine(settings: Settings, database: AbstractContextManager[str]) -> bool:
    """Print a line for each check; whether all is well. `database` gives the URL, and may have to start a server."""
    well = [
        _report("configuration", lambda: "complete"),
        _report("data directory", lambda: _data_dir(settings)),
        _report("reverse proxy", lambda: _reverse_proxy(settings)),
        _report("SECRET_KEY", lambda: _secret_key(settings)),
        _report("SMTP", lambda: _smtp(settings)),
        _report("mail providers", lambda: _mail_providers(settings)),
    ]
    try:
        with (
            database as url,
            Connection.connect(url, autocommit=True, connect_timeout=10, row_factory=dict_row) as conn,
        ):
            (row,) = conn.execute(sql.examine_database)
            well += [
                _report("database", lambda: _version(row, conn.info.parameter_status("server_encoding"))),
                # Each of the rest needs what comes before it.
                _report("migrations", lambda: _migrations(url))
                and (settings.database_pooler_url is None or _report("pooler", lambda: _pooler(settings)))
                and _report("installation", lambda: _installation(settings, url))
                and _report("role", lambda: _role(row))
                and _report("temporary tables", lambda: _temporary_tables(row))
                and _report("stored passwords", lambda: _stored_passwords(settings, conn)),
            ]
    except ANTICIPATED as error:
        _say("FAIL", "database", error)
        return False
    return all(well)


class _Doubt(Exception):
    """Nothing is wrong, and something could be better."""


def _report(name: str, check: Callable[[], str]) -> bool:
    try:
        _say("ok", name, check())
    except _Doubt as doubt:
        _say("WARN", name, doubt)
    except ANTICIPATED as error:
        _say("FAIL", name, error)
        return False
    return True


def _say(verdict: str, name: str, what: object) -> None:
    print(f"{verdict:<5} {name}: {' '.join(str(what).split())}", flush=True)


def _data_dir(settings: Settings) -> str:
    folder = settings.data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return f"{folder} can be written to"


def _reverse_proxy(settings: Settings) -> str:
    if settings.trusted_proxies:
        return f"where visitors come from is believed of {', '.join(settings.trusted_proxies)}"
    if settings.is_local:
        return "none is needed"
    return (
        "TRUSTED_PROXIES names none: behind a proxy the audit log has the proxy's address for everybody's, and tries "
        "are limited for each account but not for each visitor"
    )


def _secret_key(settings: Settings) -> str:
    check_secret_key(settings)
    open_secret_box(settings)
    if settings.secret_key is not None:
        return "set"
    return f"kept in {settings.data_dir / 'secret_key'}"


def _mail_providers(settings: Settings) -> str:
    labels = ", ".join(provider.label for provider in read_providers(settings).values())
    return f"mailboxes are connected at {labels}" if labels else "none: mailboxes log in by passwords"


def _smtp(settings: Settings) -> str:
    """Connect to the fallback server, start TLS and log in, as far as the settings say; send nothing."""
    if settings.smtp_host is None:
        return "the built-in sandbox mailbox; nothing leaves this machine"
    address = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with _connect(settings.smtp_host, settings) as server:
            if settings.smtp_username is not None and settings.smtp_password is not None:
                _log_in(server, settings.smtp_username, settings.smtp_password, settings)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        raise Unavailable(f"{address}: {error}") from error
    return f"{address} lets us in"


def _connect(host: str, settings: Settings) -> smtplib.SMTP:
    tls = trust(settings.smtp_ca_file)
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, settings.smtp_port, timeout=SMTP_TIMEOUT_S, context=tls)
    server = smtplib.SMTP(host, settings.smtp_port, timeout=SMTP_TIMEOUT_S)
    if settings.smtp_security == "starttls":
        server.starttls(context=tls)
    else:
        server.ehlo()
    return server


def _log_in(server: smtplib.SMTP, username: str, password: str, settings: Settings) -> None:
    """As workers do, with one try: smtplib goes through all mechanisms with a password that is wrong.

    Raises ValueError, OSError, SMTPException.
    """
    server.ehlo_or_helo_if_needed()
    offered = server.esmtp_features.get("auth", "").lower().split()
    dialogue = by_password(offered, username, password, in_the_clear=settings.smtp_security == "none")
    if dialogue is None:
        raise smtplib.SMTPException("no login by a password is offered")
    code, text = server.docmd(next(dialogue).decode())
    with suppress(StopIteration):
        while True:
            code, text = server.docmd(dialogue.send((code, text.decode(errors="replace"))).decode())
    if code != 235:
        raise smtplib.SMTPException(f"the login is refused: {code} {text.decode(errors='replace')}")


def _version(row: Row, encoding: str | None) -> str:
    if row["version_num"] < OLDEST_POSTGRES * 10_000:
        raise Unavailable(f"PostgreSQL {row['version']} is too old; {OLDEST_POSTGRES} or newer is needed")
    if encoding != "UTF8":
        raise Unavailable(NOT_UTF8.format(encoding))
    return f"PostgreSQL {row['version']}"


def _migrations(url: str) -> str:
    async def check() -> None:
        async with await open_pool(url) as pool:
            await readiness.check(pool)

    asyncio.run(check())
    return "all applied"


def _installation(settings: Settings, url: str) -> str:
    async def check() -> None:
        async with await open_pool(url) as pool, pool.connection() as conn:
            await installation.look(conn, installation.ours(settings))

    asyncio.run(check())
    return "the database is no other's"


def _pooler(settings: Settings) -> str:
    async def check() -> None:
        async with await open_pool_through_pooler(settings.database_pooler_url or "") as pool:
            await readiness.check(pool)

    asyncio.run(check())
    return "the API reaches the database through it"


def _role(row: Row) -> str:
    if not row["member_of_tenant"]:
        raise Unavailable(f'{row["role"]} may not act as a tenant; run GRANT reachinbox_tenant TO "{row["role"]}"')
    if row["superuser"]:
        raise _Doubt(
            f"{row['role']} is a superuser or bypasses row-level security: what injected SQL could do has no bounds; "
            "docs/deploy.md says how to make an ordinary role"
        )
    return f"{row['role']}, a member of reachinbox_tenant"


def _temporary_tables(row: Row) -> str:
    if not row["tenant_may_make_temporary_tables"]:
        grant = f'GRANT TEMPORARY ON DATABASE "{row["database"]}" TO reachinbox_tenant'
        raise Unavailable(f"recipients cannot be staged; run {grant}")
    return "allowed"


def _stored_passwords(settings: Settings, conn: Connection) -> str:
    row = conn.execute(sql.any_stored_password).fetchone()
    if row is None:
        return "none yet"
    open_secret_box(settings).open(row["password_encrypted"], password_place(row["id"]))
    return "SECRET_KEY opens them"
