"""The dashboard's files: from the API's origin, cached for good where their names allow it, under a strict policy."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.support.api import api_client, problem

SCRIPT = b"console.log('a script');" * 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dashboard as a build leaves it."""
    folder = tmp_path_factory.mktemp("web") / "dashboard"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<meta property="csp-nonce" nonce="__CSP_NONCE__" /><div id="root"></div>')
    (folder / "favicon.svg").write_text("<svg></svg>")
    (folder / "assets" / "index-Ab12.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-Ab12.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "index-Ab12.js.br").write_bytes(b"as if by brotli")
    (folder.parent / "secret").write_text("not to be seen")
    return folder


@pytest.fixture
async def web(settings: Settings, database_url: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(settings, database_url, dashboard=folder) as client:
        client.headers.pop("Accept-Encoding")
        yield client


async def test_every_address_of_a_page_answers_with_the_dashboard(web: httpx.AsyncClient) -> None:
    for path in ("/", "/login", "/campaigns/7", "/emails/12?x=1", "/no/such/page", "/api-keys"):
        response = await web.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"
        assert '<div id="root">' in response.text


async def test_what_a_browser_opens_is_a_page_whatever_its_name(web: httpx.AsyncClient) -> None:
    opened = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/campaigns/1.5", "/emails/1.5", "/help.html"):
        assert '<div id="root">' in (await web.get(path, headers=opened)).text
        problem(await web.get(path), 404)
    for path in ("/assets/gone-Ab12.js", "/api/x.y", "/metrics/x"):
        problem(await web.get(path, headers=opened), 404)


async def test_each_page_load_has_a_nonce_of_its_own(web: httpx.AsyncClient) -> None:
    nonces = set[str]()
    for _ in range(2):
        response = await web.get("/")
        nonce = re.search(r'nonce="([\w-]{20,})"', response.text)
        assert nonce
        policy = response.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{nonce[1]}'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        nonces.add(nonce[1])
    assert len(nonces) == 2


async def test_files_with_a_hash_in_their_name_are_cached_for_good_and_others_are_asked_for(
    web: httpx.AsyncClient,
) -> None:
    script = await web.get("/assets/index-Ab12.js")
    assert script.content == SCRIPT
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["x-content-type-options"] == "nosniff"
    icon = await web.get("/favicon.svg")
    assert (icon.headers["content-type"], icon.headers["cache-control"]) == ("image/svg+xml", "no-cache")
    unchanged = await web.get("/favicon.svg", headers={"If-None-Match": icon.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br; q=0.000", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_the_compressed_copy_goes_to_who_takes_it(
    web: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    async with web.stream("GET", "/assets/index-Ab12.js", headers={"Accept-Encoding": accepted}) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "Accept-Encoding"
    expected = {"br": b"as if by brotli", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[encoding]
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == (SCRIPT if encoding == "gzip" else expected)


async def test_each_encoding_has_an_etag_of_its_own(web: httpx.AsyncClient) -> None:
    tags = set[str]()
    for accepted in ("br", "gzip", "identity"):
        async with web.stream("HEAD", "/assets/index-Ab12.js", headers={"Accept-Encoding": accepted}) as response:
            tags.add(response.headers["etag"])
    assert len(tags) == 3


async def test_what_is_no_page_and_no_file_is_not_found(web: httpx.AsyncClient) -> None:
    for path in ("/x.txt", "/assets/gone-Ab12.js", "/assets/gone", "/index.html", "/api/x", "/metrics/x", "/readyz/x"):
        problem(await web.get(path), 404)


async def test_no_path_leads_out_of_the_folder(web: httpx.AsyncClient) -> None:
    for path in ("/../secret", "/assets/../../secret", "/%2e%2e/secret", "/..%2fsecret", "/assets/..%5c..%5csecret"):
        response = await web.get(httpx.URL("http://127.0.0.1", raw_path=path.encode()))
        assert "not to be seen" not in response.text


async def test_head_answers_like_get_without_the_body(web: httpx.AsyncClient) -> None:
    for path in ("/", "/campaigns/7", "/assets/index-Ab12.js"):
        got, asked = await web.get(path), await web.head(path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]


async def test_pages_and_files_cannot_be_written_to(web: httpx.AsyncClient) -> None:
    for path in ("/login", "/favicon.svg"):
        response = await web.post(path)
        problem(response, 405)
        assert response.headers["allow"] == "GET, HEAD"
    problem(await web.post("/x.txt"), 404)


async def test_without_a_build_it_says_what_to_do(settings: Settings, database_url: str, tmp_path: Path) -> None:
    async with api_client(settings, database_url, dashboard=tmp_path / "none") as client:
        assert "make install" in problem(await client.get("/"), 404)["detail"]
        assert "make install" not in problem(await client.get("/x.txt"), 404)["detail"]
        assert (await client.get("/healthz")).status_code == 200
