"""The API as a client meets it: the real application, its lifespan included, without a socket in between."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator, Iterable, MutableMapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import uvicorn
from litestar import Litestar

from app.asgi import assemble, settle
from app.db import Pool, fetch_exactly_one
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.workspaces.keys import create_key
from app.http.dashboard import DASHBOARD
from app.settings import Settings
from tests.support.engine import wait_for
from tests.support.ports import free_port

Headers = dict[str, str]
_at_rest: dict[Path, list[Litestar]] = {}  # apps by their dashboard: to assemble one takes longer than most tests do
ROOT = Path(__file__).parents[2]


async def authorization(pool: Pool, user: User) -> Headers:
    """Headers with a new API key of the user."""
    return {"Authorization": f"Bearer {await create_key(pool, LOCAL.of(user.id), user.workspace_id, 'tests')}"}


@asynccontextmanager
async def api_client(
    settings: Settings,
    database_url: str,
    headers: Headers | None = None,
    dashboard: Path = DASHBOARD,
    peer: str = "127.0.0.1",
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a running API that asks from `peer` and sends `headers` with each request."""
    async with _running(settings, database_url, dashboard) as app:
        # Raises what the application lets through: it should let nothing through.
        transport = httpx.ASGITransport(app, client=(peer, 123))  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            yield client


@asynccontextmanager
async def listening(settings: Settings, database_url: str, **config: Any) -> AsyncGenerator[str]:
    """The API at a socket, in this process; its base URL. `config` is uvicorn's."""
    async with _running(settings, database_url, DASHBOARD) as app:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_config=None, **config))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            yield "http://127.0.0.1:{1}".format(*listener.getsockname())
            app.state["closing"].set()
            server.should_exit = True
            await serving


@asynccontextmanager
async def _running(settings: Settings, database_url: str, dashboard: Path) -> AsyncGenerator[Litestar]:
    at_rest = _at_rest.setdefault(dashboard, [])
    app = at_rest.pop() if at_rest else assemble(dashboard)
    settle(app, settings, database_url)
    async with _lifespan(app):
        yield app
    at_rest.append(app)


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncGenerator[None]:
    """Start and stop it as a server does: in a task of its own, since pytest tears a fixture down in another one."""
    orders: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answers: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    server = asyncio.create_task(app(scope, orders.get, answers.put))  # pyright: ignore[reportArgumentType]
    await orders.put({"type": "lifespan.startup"})
    started = await answers.get()
    if started["type"] != "lifespan.startup.complete":
        await server  # raises what kept it from starting
    yield
    await orders.put({"type": "lifespan.shutdown"})
    await server


class Server(NamedTuple):
    process: asyncio.subprocess.Process
    base_url: str


@asynccontextmanager
async def serve(database_url: str, data_dir: Path) -> AsyncGenerator[Server]:
    """The API as its command starts it."""
    port = free_port()
    env = os.environ | {
        "DATABASE_URL": database_url,
        "REACHINBOX_DATA_DIR": str(data_dir),
        "PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app.cli", "api", cwd=ROOT, env=env)
    base_url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=base_url) as probe:

            async def ready() -> bool:
                try:
                    return (await probe.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await wait_for(ready, "the API to answer")
        yield Server(process, base_url)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details of a failure, checked to be some."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["instance"] == response.request.url.path
    assert body["title"]
    assert body["type"]
    assert body["detail"]
    return body


def wrong_fields(response: httpx.Response) -> dict[str, str]:
    """Field and sentence of a 422."""
    return {error["field"]: error["detail"] for error in problem(response, 422)["errors"]}


async def schedule(api: httpx.AsyncClient, recipients: Iterable[Any] = ("ada@example.com",), **fields: Any) -> Any:
    """Schedule a campaign as JSON; the answer's body."""
    campaign = {"subject": "Hello", "body": "A text.", "recipients": list(recipients)} | fields
    response = await api.post("/api/campaigns/schedule", json=campaign)
    assert response.status_code == 201, response.text
    return response.json()


async def written(pool: Pool) -> dict[str, int]:
    """How many rows there are of what a request may write."""
    async with pool.connection() as conn:
        return {
            table: (await fetch_exactly_one(conn, f"SELECT count(*) FROM {table}".encode()))["count"]  # noqa: S608
            for table in ("campaigns", "emails", "senders", "idempotency_keys", "procrastinate_jobs")
        }
