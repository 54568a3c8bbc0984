"""The API's only wiring: what it is made of, and what it opens and closes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler
from psycopg.errors import LockNotAvailable

from app import traces
from app.collectors import PoolCollector
from app.db import Pool, open_pool, open_pool_through_pooler, patience, share_out
from app.domain.accounts.users import Terms
from app.domain.oauth.providers import Providers, read_providers
from app.domain.operations import installation
from app.domain.operations.installation import Ours
from app.domain.operations.watching import Watching
from app.domain.workspaces.quotas import Quotas, quotas_of
from app.http import dashboard, reference, request_metrics
from app.http.accounts import google, login, own
from app.http.auth import Authentication, provide_actor, provide_user, require_role, require_scope
from app.http.bodies import SMALL, JsonRequest, in_turn
from app.http.campaigns import campaigns, drafts, files, signatures, templates
from app.http.client_address import ClientAddresses
from app.http.errors import HANDLERS, database_unavailable, held_by_others, workspace_deleted
from app.http.headers import security_headers
from app.http.inbound import responses
from app.http.ledger import emails, failures, holds, stats
from app.http.oauth import connecting
from app.http.openapi import SECURITY, StructSchemas, openapi_config
from app.http.operations import administration, alerts, events, health, sandbox
from app.http.planning import waiting
from app.http.recipients import lists, personal_data, saved_lists
from app.http.senders import discovery, dns, retiring, senders, wire_checks
from app.http.suppressions import suppressions, unsubscribing
from app.http.trial import for_this_machine
from app.http.webhooks import webhooks
from app.http.workspaces import audit, keys, members, workspaces
from app.secrets import SecretBox, open_secret_box
from app.settings import Settings

# Each query is planned for what was asked: a plan made for any status or campaign is good for none of them.
PLANNER_OPTIONS = "-c plan_cache_mode=force_custom_plan"
POOL_TIMEOUT_S = 5.0  # a request waits no longer for a connection: better a 503 than a queue
# Of the pool's connections: one workspace's, and those that are left for what has no workspace, such as logging in.
MOST_OF_ONE = 4
KEPT_BACK = 2


async def _open_pool(settings: Settings, database_url: str) -> Pool:
    if settings.database_pooler_url is not None:
        return await open_pool_through_pooler(settings.database_pooler_url)  # prepares nothing, so plans each time
    return await open_pool(database_url, options=f"{PLANNER_OPTIONS} {patience()}")


def create_app(settings: Settings, database_url: str, dashboard_folder: Path = dashboard.DASHBOARD) -> Litestar:
    """The API on a database that is migrated already; without every migration, /readyz says so."""
    app = assemble(dashboard_folder)
    settle(app, settings, database_url)
    return app


def assemble(dashboard_folder: Path) -> Litestar:
    """All routes, which take a good part of a second, for any settings and database: `settle` says which."""
    app = Litestar(
        route_handlers=[*_routes(), dashboard.dashboard(dashboard_folder)],
        before_send=[security_headers],
        lifespan=[_lifespan],
        dependencies=_dependencies(),
        request_class=JsonRequest,
        request_max_body_size=SMALL,
        exception_handlers={
            **HANDLERS,
            psycopg.OperationalError: database_unavailable,
            psycopg.errors.RestrictViolation: workspace_deleted,
            LockNotAvailable: held_by_others,
        },
        openapi_config=openapi_config(),
        plugins=[StructSchemas()],
        logging_config=None,
    )
    app.asgi_handler = request_metrics.measured(for_this_machine(app.asgi_handler))
    return app


def settle(app: Litestar, settings: Settings, database_url: str) -> None:
    """Say what an app that does not run is to run with from its next start."""
    app.state["settings"] = settings
    app.state["database_url"] = database_url
    app.state["ours"] = installation.ours(settings)
    app.state["quotas"] = quotas_of(settings)


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncGenerator[None]:
    settings: Settings = app.state["settings"]
    measures = request_metrics.Metrics()
    traces.configure("api")
    app.state["metrics"] = measures
    app.state["client_addresses"] = ClientAddresses(settings.trusted_proxies)
    app.state["closing"] = asyncio.Event()
    app.state["terms"] = Terms(open_secret_box(settings), settings.allow_registration, settings.default_emails_per_hour)
    app.state["provider"] = google.open_provider(settings)
    app.state["mail_providers"] = read_providers(settings)
    async with await _open_pool(settings, app.state["database_url"]) as pool:
        pool.timeout = POOL_TIMEOUT_S
        share_out(pool, at_once=pool.max_size - KEPT_BACK, of_one=MOST_OF_ONE)
        app.state["pool"] = pool
        app.state["watching"] = watching = Watching(pool, app.state["closing"])
        measures.registry.register(PoolCollector(pool))
        yield
        app.state["closing"].set()
        await watching.end()
    await asyncio.to_thread(traces.shutdown)


def _routes() -> list[ControllerRouterHandler]:
    """All routes but the dashboard: those under /api ask who calls, the others answer every caller."""
    api = Router(
        "/api",
        route_handlers=[
            campaigns.router,
            templates.router,
            files.router,
            emails.router,
            failures.router,
            drafts.router,
            holds.answer_held_campaign,
            holds.answer_held_sender,
            lists.router,
            saved_lists.router,
            personal_data.router,
            suppressions.router,
            responses.router,
            senders.router,
            connecting.list_providers,
            discovery.discover_servers,
            dns.check_dns,
            wire_checks.request_wire_check,
            wire_checks.get_wire_check,
            retiring.retire_sender,
            retiring.reinstate_sender,
            signatures.get_signature,
            signatures.put_signature,
            stats.router,
            events.watch_events,
            sandbox.router,
            own.own,
            keys.key_router,
            workspaces.router,
            members.router,
            administration.admin,
            audit.list_audit,
            webhooks.router,
            alerts.list_alerts,
            waiting.campaign_waiting,
            waiting.email_waiting,
            waiting.senders_waiting,
        ],
        middleware=[Authentication, in_turn],
        guards=[require_scope, require_role],
        security=SECURITY,
        dependencies={"user": Provide(provide_user, sync_to_thread=False)},
    )
    return [
        api,
        login.public,
        members.public,
        google.router,
        unsubscribing.router,
        connecting.router,
        health.router,
        request_metrics.show_metrics,
        reference.show_reference,
    ]


def _dependencies() -> dict[str, Provide]:
    """The parts of the service that handlers take by the name of a parameter (`app.http.parameters`)."""

    def provide_pool(state: State) -> Pool:
        return state["pool"]

    def provide_box(state: State) -> SecretBox:
        return state["terms"].box

    def provide_terms(state: State) -> Terms:
        return state["terms"]

    def provide_settings(state: State) -> Settings:
        return state["settings"]

    def provide_mail_providers(state: State) -> Providers:
        return state["mail_providers"]

    def provide_installation(state: State) -> Ours:
        return state["ours"]

    def provide_quotas(state: State) -> Quotas:
        return state["quotas"]

    providers = {
        "pool": provide_pool,
        "box": provide_box,
        "terms": provide_terms,
        "actor": provide_actor,
        "provider": google.provide_provider,
        "mail_providers": provide_mail_providers,
        "settings": provide_settings,
        "installation": provide_installation,
        "quotas": provide_quotas,
    }
    return {name: Provide(provide, sync_to_thread=False) for name, provide in providers.items()}
