"""How long lists take in the browser over a million emails: `python -m tests.web.million`; not a test."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.embedded.postgres import EmbeddedPostgres
from tests.support.browser import launch, open_page, register
from tests.support.filling import fill
from tests.support.service import Service

OWNER = "million@example.com"
COUNTS = {"SENT": 800_000, "SCHEDULED": 150_000, "FAILED": 45_000, "UNKNOWN": 5_000}
ROUNDS = 5


def seconds_until_usable(page: Page, path: str, link: str) -> float:
    """From asking for the page anew, as with a click on a bookmark, until a row of it can be clicked."""
    page.goto("about:blank")
    began = time.monotonic()
    page.goto(path, wait_until="commit")
    page.get_by_role("link", name=link).first.click(trial=True)
    return time.monotonic() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder))
        browser = launch(playwright)
        try:
            service.wait_until_ready()
            with open_page(browser, service.url) as page:
                register(page, OWNER)
                empty = min(seconds_until_usable(page, "/sent", "New campaign") for _ in range(ROUNDS))
                print(f"{'/sent, nothing there':24} fastest {empty:.2f} s", flush=True)
                with EmbeddedPostgres(service.data_dir) as postgres:
                    campaign = fill(postgres.url, OWNER, COUNTS, "A million")
                for path, link in {
                    "/": "A million",
                    "/scheduled": "scheduled.",
                    "/sent": "sent.",
                    "/sent?q=sent.7999": "sent.7999",
                    "/trouble": "failed.",
                    f"/campaigns/{campaign}": "@example.com",
                }.items():
                    began = time.monotonic()
                    assert page.request.get(f"/api/emails?{path.partition('?')[2] or 'status=SENT'}&limit=50").ok
                    asked = time.monotonic() - began
                    times = sorted(seconds_until_usable(page, path, link) for _ in range(ROUNDS))
                    print(
                        f"{path:24} median {times[ROUNDS // 2]:.2f} s, fastest {times[0]:.2f} s, API {asked:.3f} s",
                        flush=True,
                    )
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main()
