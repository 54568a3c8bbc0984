"""The API's only wiring: what it is made of, and what it opens and closes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide

from app.db import Pool, open_pool, open_pool_through_pooler
from app.domain.users import Terms
from app.http import accounts, campaigns, emails, google, health, sandbox, senders, stats
from app.http.auth import Authentication, provide_user, provide_visitor, require_scope
from app.http.bodies import JsonRequest
from app.http.errors import HANDLERS, database_unavailable
from app.http.headers import security_headers
from app.http.openapi import SECURITY, openapi_config
from app.secrets import SecretBox, open_secret_box
from app.settings import Settings

POOL_TIMEOUT_S = 5.0  # a request waits no longer for a connection: better a 503 than a queue


def create_app(settings: Settings, database_url: str) -> Litestar:
    """The API on a database that is migrated already; without every migration, /readyz says so."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        app.state["settings"] = settings
        app.state["terms"] = Terms(
            open_secret_box(settings), settings.allow_registration, settings.default_emails_per_hour
        )
        app.state["provider"] = google.open_provider(settings)
        pooler = settings.database_pooler_url
        async with await (open_pool_through_pooler(pooler) if pooler else open_pool(database_url)) as pool:
            pool.timeout = POOL_TIMEOUT_S
            app.state["pool"] = pool
            yield

    def provide_pool(state: State) -> Pool:
        return state["pool"]

    def provide_box(state: State) -> SecretBox:
        return state["terms"].box

    def provide_terms(state: State) -> Terms:
        return state["terms"]

    def provide_settings() -> Settings:
        return settings

    api = Router(
        "/api",
        route_handlers=[
            campaigns.router,
            emails.router,
            senders.router,
            stats.router,
            sandbox.router,
            accounts.own,
            accounts.key_router,
            accounts.admin,
            accounts.list_audit,
        ],
        middleware=[Authentication],
        guards=[require_scope],
        security=SECURITY,
        dependencies={"user": Provide(provide_user, sync_to_thread=False)},
    )
    return Litestar(
        route_handlers=[api, accounts.public, google.router, health.router],
        before_send=[security_headers(settings)],
        lifespan=[lifespan],
        dependencies={
            "pool": Provide(provide_pool, sync_to_thread=False),
            "box": Provide(provide_box, sync_to_thread=False),
            "terms": Provide(provide_terms, sync_to_thread=False),
            "visitor": Provide(provide_visitor, sync_to_thread=False),
            "provider": Provide(google.provide_provider, sync_to_thread=False),
            "settings": Provide(provide_settings, sync_to_thread=False),
        },
        request_class=JsonRequest,
        exception_handlers={**HANDLERS, psycopg.OperationalError: database_unavailable},
        openapi_config=openapi_config(),
        logging_config=None,
    )
