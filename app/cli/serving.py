"""The commands that stay: the API, a worker, or all of it as one."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial

import psycopg
import structlog

from app import demo
from app.cli.database import check_migrated, migrated_pool, say_waiting, url_of
from app.db import migrate
from app.domain.oauth.providers import read_providers
from app.embedded.postgres import EmbeddedPostgres
from app.errors import AppError, Unavailable
from app.secrets import open_secret_box
from app.settings import Settings, check_secret_key
from app.supervise import Child, supervise

ANSWER_S = 10  # how long the API may take, when it is to end, to answer what it has begun
REVIVE_EVERY_S = 2.0
PYTHON = (sys.executable, "-P")  # never the `app` or `worker` of the folder we happen to be started in
WORKER = (*PYTHON, "-m", "worker")

log = structlog.get_logger()


def api(settings: Settings, _options: argparse.Namespace) -> None:
    import uvicorn  # here, since these two take half a second that no other command needs

    from app.asgi import create_app
    from app.http.connections import BoundedHeads
    from app.http.crowd import raise_limit_of_files

    check_secret_key(settings)
    read_providers(settings)
    raise_limit_of_files()
    with url_of(settings) as url, closing(_bind(settings)) as listener:
        asyncio.run(check_migrated(url))
        app = create_app(settings, url)

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                """Streams of events would keep their connections for minutes."""
                app.state["closing"].set()
                await super().shutdown(sockets)

        server = Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=BoundedHeads,
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=ANSWER_S,
            )
        )
        # uvicorn raises the signal that ended it once more when it is done, which must not end us half-way out.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        server.run(sockets=[listener])
        if not server.started:
            raise Unavailable("the API did not start; the log above says why")


def worker(settings: Settings, _options: argparse.Namespace) -> None:
    check_secret_key(settings)
    read_providers(settings)
    with url_of(settings) as url:
        asyncio.run(check_migrated(url))
    asyncio.run(_keep_up([Child("worker", WORKER)]))


def up(settings: Settings, options: argparse.Namespace) -> None:
    check_secret_key(settings)
    read_providers(settings)
    _bind(settings).close()  # said now and once, rather than by an API that is started again and again
    if settings.database_url is not None:
        migrate(settings.database_url, waiting=say_waiting)
        asyncio.run(_run_all(settings, settings.database_url, None, with_demo=options.demo))
    else:
        with EmbeddedPostgres(settings.data_dir) as postgres:
            migrate(postgres.url, waiting=say_waiting)
            asyncio.run(_run_all(settings, postgres.url, postgres, with_demo=options.demo or settings.is_local))


async def _run_all(settings: Settings, url: str, postgres: EmbeddedPostgres | None, *, with_demo: bool) -> None:
    """Run API and worker until we are told to end, and beside them what a start shows and what they need."""
    env = {"DATABASE_URL": url, "DATABASE_URL_FILE": "", "REACHINBOX_EMBEDDED": "yes"} if postgres else {}
    children = [
        Child("api", [*PYTHON, "-m", "app.cli", "api"], env, partial(_ask, settings)),
        Child("worker", WORKER, env),
    ]
    renew = asyncio.Event()
    beside = [asyncio.create_task(_welcome(settings, url, with_demo=with_demo))]
    if postgres:
        beside.append(asyncio.create_task(_keep_running(postgres, env, renew)))
    try:
        await _keep_up(children, renew)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _keep_up(children: Sequence[Child], renew: asyncio.Event | None = None) -> None:
    """Run them until SIGTERM, a hang-up or Ctrl-C; a further Ctrl-C no longer waits for them to finish.

    Only that: SIGTERM comes twice where both a process group and `make` in it pass it on.
    """
    stop, at_once = asyncio.Event(), asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if number is signal.SIGINT and stop.is_set():
            at_once.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    await supervise(children, stop=stop, at_once=at_once, renew=renew)


async def _keep_running(postgres: EmbeddedPostgres, env: dict[str, str], renew: asyncio.Event) -> None:
    """Start the embedded Postgres again when it has died. The children find it where it was, unless somebody has taken
    its port meanwhile: then they start anew.
    """
    while True:
        await asyncio.sleep(REVIVE_EVERY_S)
        try:
            url = await asyncio.to_thread(postgres.start)
        except (AppError, psycopg.Error) as error:
            log.error("Postgres has died and does not start", reason=str(error))
            continue
        if postgres.started_here:
            log.warning("Postgres had died and was started again")
        if url != env["DATABASE_URL"]:
            log.warning("Postgres has another port now: API and worker start anew")
            env["DATABASE_URL"] = url
            renew.set()


async def _welcome(settings: Settings, url: str, *, with_demo: bool) -> None:
    """Say where we are, and on the very first start show the demo."""
    await _listening(settings)
    print(f"ReachInbox is at {settings.base_url}, listening on {settings.host}:{settings.port}", flush=True)
    try:
        async with migrated_pool(url) as pool:
            if with_demo and settings.sandboxed and await demo.is_first_start(pool):
                await demo.run(pool, open_secret_box(settings), settings)
    except AppError as error:
        print(f"The demo: {error.detail}", file=sys.stderr)
    except Exception:
        log.exception("the demo failed")


async def _listening(settings: Settings) -> None:
    """Wait until the API takes connections."""
    while True:
        with suppress(OSError):
            _, writer = await _connect(settings)
            writer.close()
            return
        await asyncio.sleep(0.05)


async def _ask(settings: Settings) -> None:
    """Return once the API has answered, whatever it says. Raises OSError."""
    reader, writer = await _connect(settings)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if not (await reader.readline()).startswith(b"HTTP/"):
            raise ConnectionError("the API closed the connection")
    finally:
        writer.close()


async def _connect(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises OSError."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 -- not bound to
    return await asyncio.open_connection(host, settings.port)


def _bind(settings: Settings) -> socket.socket:
    """Take the address that the API listens on. Raises Unavailable."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); set HOST or PORT to another"
        ) from None
    return listener
