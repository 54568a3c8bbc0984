"""A dashboard's calls of the API, by name, and how long the answers take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

import httpx

from bench.registry import Figure

STATUSES = ("SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")


class Dashboard:
    """Makes its calls and keeps how long each took, in milliseconds."""

    def __init__(self, client: httpx.Client, campaign_id: int, sender_id: int) -> None:
        self._client = client
        self._calls = _calls(campaign_id, sender_id)
        if "/api/alerts" in client.get("/api/schema").raise_for_status().json()["paths"]:
            self._calls["alerts"] = "/api/alerts"
        self.took_ms: dict[str, list[float]] = defaultdict(list)

    def look(self) -> None:
        """Every call once."""
        for name, path in self._calls.items():
            began = time.perf_counter()
            self._client.get(path).raise_for_status()
            self.took_ms[name].append((time.perf_counter() - began) * 1000)

    def figures(self) -> Iterator[Figure]:
        """The 95th percentile of each call, and of all of them."""
        for name, took in self.took_ms.items():
            yield Figure(f"{name}, p95", percentile(took, 95), "ms", f"p50 {percentile(took, 50):.1f} ms")
        every = [ms for took in self.took_ms.values() for ms in took]
        note = f"p50 {percentile(every, 50):.1f} ms, worst {max(every):.0f} ms, {len(every)} calls"
        yield Figure("all of the dashboard's calls, p95", percentile(every, 95), "ms", note)


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent of them are not above (nearest rank)."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _calls(campaign_id: int, sender_id: int) -> dict[str, str]:
    emails, of_campaign = "/api/emails", f"campaignId={campaign_id}"
    calls = {"campaigns": "/api/campaigns", "a campaign": f"/api/campaigns/{campaign_id}"}
    calls |= {"active campaigns": "/api/campaigns?status=ACTIVE", "stats": "/api/stats/hourly?hours=48"}
    calls["emails"] = emails
    calls |= {f"{status} emails": f"{emails}?status={status}" for status in STATUSES}
    calls["emails of a campaign"] = f"{emails}?{of_campaign}"
    calls |= {f"{status} emails of a campaign": f"{emails}?{of_campaign}&status={status}" for status in STATUSES}
    calls["emails of a sender"] = f"{emails}?senderId={sender_id}"
    calls["SENT emails of a sender"] = f"{emails}?senderId={sender_id}&status=SENT"
    # One that many fit, one that a single one fits, one that none fits: the last has to look at everything.
    calls["emails searched, many found"] = f"{emails}?q=person"
    calls["emails searched, one found"] = f"{emails}?q=person1234%40"
    calls["emails searched, none found"] = f"{emails}?q=nobody-there"
    calls["emails of a campaign searched, none found"] = f"{emails}?{of_campaign}&q=nobody-there"
    return calls
