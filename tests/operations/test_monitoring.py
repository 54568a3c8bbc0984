"""docs/monitoring: the table, the dashboard and the alert rules speak of what the code exports, and Prometheus's own
tool takes them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.collectors import PoolCollector
from app.db import Pool
from tests.support.prometheus import promtool
from worker.instruments import REGISTRY

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "monitoring"
NAME = re.compile(r"\b(?:reachinbox|process)_\w+")
Dashboard = dict[str, Any]


def _families(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of each metric; a counter by its name with _total."""
    families: dict[str, tuple[str, tuple[str, ...]]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        families[name] = (family.type, tuple(sorted(labels)))
    return families


@pytest.fixture
async def exported(api: httpx.AsyncClient, pool: Pool) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Everything that API and worker export."""
    await api.post("/api/campaigns/schedule", json={"subject": "s", "body": "b", "recipients": ["a@example.com"]})
    of_pool = CollectorRegistry()
    of_pool.register(PoolCollector(pool))
    worker = (generate_latest(REGISTRY) + generate_latest(of_pool)).decode()
    return _families((await api.get("/metrics")).text) | _families(worker)


@pytest.fixture
def dashboard() -> Dashboard:
    return json.loads((FOLDER / "grafana-dashboard.json").read_text())


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def _expressions(dashboard: Dashboard) -> list[str]:
    return [target["expr"] for panel in _panels(dashboard) for target in panel["targets"]]


def _unknown(text: str, exported: dict[str, tuple[str, tuple[str, ...]]]) -> set[str]:
    samples = set(exported)
    for name, (kind, _) in exported.items():
        if kind == "histogram":
            samples |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return set(NAME.findall(text)) - samples


@pytest.mark.skipif(sys.platform != "linux", reason="the process_ metrics are read from /proc")
async def test_the_table_lists_every_metric_with_its_type_and_labels(
    exported: dict[str, tuple[str, tuple[str, ...]]],
) -> None:
    text = (DOCS / "monitoring.md").read_text()
    rows = re.findall(r"^\| `(\w+)(?:\{([\w,]+)\})?` \| (gauge|counter|histogram) \| .+ \|$", text, re.MULTILINE)
    listed = {name: (kind, tuple(sorted(labels.split(",")) if labels else ())) for name, labels, kind in rows}
    assert len(rows) == len(listed)
    seen = {name for name, (_, labels) in listed.items() if labels and exported.get(name, ("", ()))[1] == ()}
    # Counters by kind have no series until the first failure; their labels are what the code declares.
    assert seen <= {
        "reachinbox_smtp_connection_failures_total",
        "reachinbox_sender_back_offs_total",
        "reachinbox_housekeeping_failures_total",
        "reachinbox_processes_replaced_total",
    }
    assert {name: kind for name, (kind, _) in listed.items()} == {name: kind for name, (kind, _) in exported.items()}
    for name in listed.keys() - seen:
        assert listed[name] == exported[name], name


async def test_dashboard_and_alerts_use_metrics_that_exist(
    exported: dict[str, tuple[str, tuple[str, ...]]], dashboard: Dashboard
) -> None:
    assert not _unknown("\n".join(_expressions(dashboard)), exported)
    alerts = (FOLDER / "alerts.yml").read_text()
    assert "reachinbox_" in alerts
    assert not _unknown(alerts, exported)
    assert not _unknown((FOLDER / "alerts_test.yml").read_text(), exported)


async def test_every_metric_of_ours_is_on_the_dashboard(
    exported: dict[str, tuple[str, tuple[str, ...]]], dashboard: Dashboard
) -> None:
    shown = "\n".join(_expressions(dashboard))
    ours = {name for name in exported if name.startswith("reachinbox_")}
    assert {name for name in ours if name not in shown} == set()


def test_the_dashboard_is_one_that_grafana_11_takes(dashboard: Dashboard) -> None:
    assert dashboard["schemaVersion"] >= 39
    assert (dashboard["uid"], dashboard["title"], dashboard["id"]) == ("reachinbox", "ReachInbox", None)
    (variable,) = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in _panels(dashboard):
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["title"]
        assert panel["description"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for holder in (panel, *panel["targets"]):
            assert holder["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_promtool_understands_every_expression_of_the_dashboard(dashboard: Dashboard, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(_expressions(dashboard))
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    promtool("check", "rules", "--lint=none", "rules.yml", cwd=tmp_path)


def test_promtool_takes_the_alert_rules_and_they_fire_when_they_should() -> None:
    promtool("check", "config", "prometheus.yml", cwd=FOLDER)
    promtool("check", "rules", "--lint-fatal", "alerts.yml", cwd=FOLDER)
    promtool("test", "rules", "alerts_test.yml", cwd=FOLDER)


def test_every_alert_is_tried_and_says_what_to_do() -> None:
    text = (FOLDER / "alerts.yml").read_text()
    names = re.findall(r"- alert: (\w+)", text)
    assert len(set(names)) == len(names) > 0
    tried = (FOLDER / "alerts_test.yml").read_text()
    for name in names:
        assert f"- alertname: {name}\n" in tried  # fires
        assert f"{{alertname: {name}, " in tried  # keeps silent
        assert f"runbook: docs/operations.md#{name.lower()}\n" in text
    assert text.count("severity: ") == text.count("summary: ") == len(names)
