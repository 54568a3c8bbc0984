"""Changes of a large plan: what another sender and the API notice while a worker gives a million emails new times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import httpx
import psycopg

from bench.api import api, create_account, schedule_csv
from bench.dashboard import percentile
from bench.registry import Figure, Run, bench
from bench.service import UNLIMITED, server, settle, worker
from tests.support.ports import free_port
from tests.support.prometheus import samples
from tests.support.sinkproc import Sink

EMAILS = 1_000_000
SPAN_S = 20.0  # each change is looked at so long, whether its plan is done by then or not
GAP_MS = 10  # between two emails of the other sender
PAUSE_S = 5.0
_BUCKET = "reachinbox_exchange_duration_seconds_bucket le="


class _Seen(NamedTuple):
    """`exchanges`: how many took at most so many seconds each, by seconds; `changed`: rows of emails."""

    exchanges: dict[float, float]
    changed: int


@bench("replan", only_if_named=True)
def replan(run: Run) -> Iterator[Figure]:
    """1,000,000 waiting get new times after a resume, a new limit, a new delay: exchanges and the API meanwhile."""
    emails = run.emails or EMAILS
    with server(run.directory) as postgres, Sink() as sink:
        key = create_account(postgres.url)
        with api(postgres.url, key) as (client, _), psycopg.connect(postgres.url, autocommit=True) as conn:
            large = schedule_csv(client, emails, delayBetweenMs="1000")
            other = _other_sender(client)
            settle(postgres.url)
            port = free_port()
            with worker(postgres.url, sink, 16, metrics_port=port):
                sink.wait(messages=100, timeout_s=60)
                watch = partial(_watch, client, conn, port, large, other)
                yield from watch("nothing planned again", lambda: None)
                _post(client, f"/api/campaigns/{large}/pause")
                time.sleep(PAUSE_S)
                yield from watch("a resume", lambda: _post(client, f"/api/campaigns/{large}/resume"))
                yield from watch("a new limit", lambda: _patch(client, large, {"hourlyLimit": 3_000}))
                yield from watch("a new delay", lambda: _patch(client, large, {"delayBetweenMs": 1_500}))


def _other_sender(client: httpx.Client) -> int:
    """Its campaign, which sends all the while."""
    sender = _post(client, "/api/senders", {"email": "other@bench.example", "hourlyLimit": UNLIMITED})
    recipients = [f"other{n}@bench.example" for n in range(int(6 * SPAN_S * 1000 / GAP_MS))]
    campaign = {"senderIds": [sender["id"]], "subject": "s", "body": "b", "delayBetweenMs": GAP_MS}
    return _post(client, "/api/campaigns/schedule", campaign | {"recipients": recipients})["campaign"]["id"]


def _watch(
    client: httpx.Client,
    conn: psycopg.Connection,
    port: int,
    large: int,
    other: int,
    what: str,
    change: Callable[[], object],
) -> Iterator[Figure]:
    before = _seen(conn, port)
    began = time.perf_counter()
    change()
    took_s = time.perf_counter() - began
    ends, took_ms = began + SPAN_S, list[float]()
    while time.perf_counter() < ends:
        for path in ("campaigns", f"campaigns/{large}", f"emails?campaignId={large}", "senders", "stats/hourly"):
            took_ms.append(_milliseconds(lambda path=path: client.get(f"/api/{path}")))
        took_ms.append(_milliseconds(lambda: client.patch(f"/api/campaigns/{other}", json={"name": "Other"})))
        time.sleep(0.05)
    after = _seen(conn, port)
    counts = {le: count - before.exchanges[le] for le, count in after.exchanges.items()}
    within = counts[0.05] / max(counts.values())
    note = f"{within:.2%} of {max(counts.values()):,.0f} within 50 ms; {after.changed - before.changed:,} rows changed"
    yield Figure(f"{what}: exchanges, p99", _p99_ms(counts), "ms", note)
    note = f"p50 {percentile(took_ms, 50):.0f} ms, {len(took_ms)} calls; the change itself {took_s:.1f} s"
    yield Figure(f"{what}: API, p95", percentile(took_ms, 95), "ms", note)


def _milliseconds(call: Callable[[], httpx.Response]) -> float:
    began = time.perf_counter()
    call().raise_for_status()
    return (time.perf_counter() - began) * 1000


def _seen(conn: psycopg.Connection, port: int) -> _Seen:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text
    told = {name: value for name, value in samples(text).items() if name.startswith(_BUCKET)}
    row = conn.execute("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'emails'").fetchone() or (0,)
    return _Seen({float(name.removeprefix(_BUCKET)): value for name, value in told.items()}, row[0])


def _p99_ms(counts: dict[float, float]) -> float:
    """From how many took at most so long, as if those between two bounds were spread evenly."""
    wanted, below, count_below = 0.99 * max(counts.values()), 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= wanted:
            return (below + (bound - below) * (wanted - count_below) / max(count - count_below, 1)) * 1000
        below, count_below = bound, count
    return float("inf")


def _post(client: httpx.Client, path: str, body: object = None) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text[:1000]
    return answer.json() if answer.content else {}


def _patch(client: httpx.Client, campaign_id: int, changes: dict[str, int]) -> None:
    answer = client.patch(f"/api/campaigns/{campaign_id}", json=changes)
    assert answer.is_success, answer.text[:1000]
