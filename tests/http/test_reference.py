"""GET /docs: the API's reference as a page."""

from __future__ import annotations

import re

import httpx
import pytest

from web.api_docs import lacking


@pytest.fixture
async def page(api: httpx.AsyncClient) -> httpx.Response:
    del api.headers["Authorization"]
    return await api.get("/docs")


async def test_it_has_every_call_and_struct_and_leads_nowhere_else(
    page: httpx.Response, api: httpx.AsyncClient
) -> None:
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    document = (await api.get("/api/schema")).json()
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))
    calls = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert set(ids) >= calls | set(document["components"]["schemas"])
    links = re.findall(r'href="([^"]+)"', page.text)
    assert {link for link in links if link.removeprefix("#") not in ids} == {"/api/schema"}
    assert not re.search(r"<script|<link|<img|@import|url\(", page.text)


async def test_browsers_run_nothing_of_it(page: httpx.Response) -> None:
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


async def test_it_says_limits_scopes_roles_failures_and_units(page: httpx.Response) -> None:
    for said in (
        "Needs the scope <code>send</code> and the role <code>member</code> or more.",
        "Needs the scope <code>admin</code>",
        "string <span class=small>1 to 998 characters</span>",
        "object of string <span class=small>0 to 10 entries; default {}</span>",
        "Milliseconds from one email of the campaign to the next",
        "Fails with 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503.",
        "Changes of the API",
        "&#34;email&#34;: &#34;ada@example.com&#34;",
    ):
        assert said in page.text, said


async def test_every_field_and_parameter_has_a_description(api: httpx.AsyncClient) -> None:
    document = (await api.get("/api/schema")).json()
    assert list(lacking(document)) == []
    document["components"]["schemas"]["Campaign"]["properties"]["novel"] = {"type": "string"}
    assert list(lacking(document)) == ["Campaign: novel"]
