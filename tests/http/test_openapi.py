"""GET /api/schema: valid OpenAPI 3.1 that lists what was promised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PROMISED = {
    "POST /api/campaigns/schedule",
    "POST /api/campaigns/preview",
    "GET /api/campaigns",
    "GET /api/campaigns/{id}",
    "PATCH /api/campaigns/{id}",
    "POST /api/campaigns/{id}/pause",
    "POST /api/campaigns/{id}/resume",
    "POST /api/campaigns/{id}/cancel",
    "GET /api/emails",
    "GET /api/emails/{id}",
    "GET /api/emails/{id}/message",
    "GET /api/emails/{id}/message/html",
    "POST /api/emails/{id}/retry",
    "POST /api/emails/{id}/resolve",
    "GET /api/senders",
    "POST /api/senders",
    "GET /api/senders/{id}",
    "PATCH /api/senders/{id}",
    "DELETE /api/senders/{id}",
    "POST /api/senders/{id}/verify",
    "GET /api/webhooks",
    "POST /api/webhooks",
    "GET /api/webhooks/{id}",
    "PATCH /api/webhooks/{id}",
    "DELETE /api/webhooks/{id}",
    "POST /api/webhooks/{id}/rotate-secret",
    "POST /api/webhooks/{id}/test",
    "GET /api/webhooks/{id}/deliveries",
    "POST /api/webhooks/{id}/deliveries/{deliveryId}/replay",
    "GET /api/alerts",
    "GET /api/stats/hourly",
    "GET /api/stats/planned",
    "GET /api/sandbox/messages",
    "GET /api/recipients/export",
    "POST /api/recipients/erase",
    "GET /healthz",
    "GET /readyz",
}
CAMEL_CASE = re.compile(r"[a-z]+([A-Z][a-z0-9]*)*")


@pytest.fixture
async def schema(api: httpx.AsyncClient) -> dict[str, Any]:
    del api.headers["Authorization"]
    response = await api.get("/api/schema")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    return response.json()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_it_lists_what_was_promised(schema: dict[str, Any]) -> None:
    assert {name for name, _ in operations(schema)} >= PROMISED


def test_it_is_valid_openapi_3_1(schema: dict[str, Any]) -> None:
    """The demands of the specification on the parts we use."""
    assert schema["openapi"] == "3.1.0"
    assert schema["info"]["title"]
    assert schema["info"]["version"]
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in schema["components"]["schemas"])
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema)):
        part = schema
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    ids = [operation["operationId"] for _, operation in operations(schema)]
    assert len(ids) == len(set(ids))
    for name, operation in operations(schema):
        parameters = operation.get("parameters", [])
        assert len(parameters) == len({(parameter["name"], parameter["in"]) for parameter in parameters})
        assert all("schema" in parameter for parameter in parameters)
        in_path = {parameter["name"] for parameter in parameters if parameter["in"] == "path" and parameter["required"]}
        assert in_path == set(re.findall(r"{(\w+)}", name))
        assert all(response["description"] for response in operation["responses"].values())
        assert any(status.startswith("2") for status in operation["responses"])


OPEN = {f"/api/auth/{call}" for call in ("ways", "register", "invitation", "login", "reset", "reset/confirm")}
INVITATION = "POST /api/auth/invitation"  # which may be none
MANY = {
    "POST /api/emails/retry",
    "POST /api/emails/resolve",
    "POST /api/failures/decisions",
}  # of a campaign that may be missing


def test_every_call_documents_its_problems(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        assert operation["summary"]
        assert operation["tags"]
        if "/api/" not in name:
            continue
        assert operation["security"] == ([{}] if name.split()[1] in OPEN else [{"apiKey": []}, {"session": []}])
        assert {"401", "422", "500", "503"} <= operation["responses"].keys()
        may_be_missing = "{id}" in name or "sandbox" in name or name in MANY or name == INVITATION
        assert ("404" in operation["responses"]) == may_be_missing
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_names_on_the_wire_are_camel_case(schema: dict[str, Any]) -> None:
    names = {name for part in schema["components"]["schemas"].values() for name in part["properties"]}
    names |= {
        parameter["name"]
        for _, operation in operations(schema)
        for parameter in operation.get("parameters", [])
        if parameter["in"] != "header"
    }
    assert [name for name in names if not CAMEL_CASE.fullmatch(name)] == []


def test_a_campaign_is_taken_in_both_forms(schema: dict[str, Any]) -> None:
    for path in ("/api/campaigns/schedule", "/api/campaigns/preview"):
        body = schema["paths"][path]["post"]["requestBody"]
        references = [body["content"][kind]["schema"] for kind in ("application/json", "multipart/form-data")]
        names = [reference["$ref"].removeprefix("#/components/schemas/") for reference in references]
        assert names == ["JsonCampaign", "FormCampaign"]
        json_form, multipart = (schema["components"]["schemas"][name] for name in names)
        assert json_form["required"] == ["subject"]
        assert {"recipients", "listId", "columns"} <= json_form["properties"].keys()
        assert "file" in multipart["properties"]


def test_every_body_has_a_name_that_programs_can_call_it_by(schema: dict[str, Any]) -> None:
    """Generators of clients called one that stood in its place `ScheduleCampaignJsonJsonCampaign` (UX.md, 2.9)."""
    bodies = {
        (where, content["schema"].get("$ref", ""))
        for where, operation in operations(schema)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    assert bodies
    parts = schema["components"]["schemas"]
    assert [each for each in bodies if each[1].removeprefix("#/components/schemas/") not in parts] == []


def test_it_says_the_bounds_that_are_checked(schema: dict[str, Any]) -> None:
    """The same for a struct, whose schema Litestar makes, and for a body in two forms, whose schema msgspec makes."""
    parts = schema["components"]["schemas"]
    patch = parts["CampaignPatch"]["properties"]
    for fields in (patch, *(parts[form]["properties"] for form in ("JsonCampaign", "FormCampaign"))):
        assert (fields["hourlyLimit"]["minimum"], fields["hourlyLimit"]["maximum"]) == (1, 10_000_000)
        assert (fields["name"]["minLength"], fields["name"]["maxLength"]) == (1, 200)
        assert fields["delayBetweenMs"]["maximum"] == 30 * 24 * 3600 * 1000
    assert parts["Selection"]["properties"]["ids"]["maxItems"] == 1000
    assert parts["WorkspaceBody"]["properties"]["name"]["maxLength"] == 100
