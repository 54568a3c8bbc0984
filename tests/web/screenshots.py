"""Writes every page, wide and narrow, light and dark, into screenshots/: `make screenshots`.

A new page is one more line in OUTSIDE or INSIDE.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.browser import NARROW, WIDE, Scheme, launch, log_in, open_page, register
from tests.support.service import Service, until

FOLDER = Path("screenshots")
EMAIL = "anna@example.com"
OUTSIDE = {
    "login": "/login",
    "login-failed": "/login?error=domain",
    "register": "/register",
    "reset-password": "/reset-password",
    "set-password": "/reset-password?token=x",
    "not-found": "/nowhere/at/all",
}
INSIDE = {
    "campaigns": "/",
    "campaign": "/campaigns/1",
    "compose": "/compose",
    "scheduled": "/scheduled",
    "sent": "/sent",
    "trouble": "/trouble",
    "email": "/emails/1",
    "senders": "/senders",
    "sandbox": "/sandbox",
    "settings": "/settings",
}


def shoot(page: Page, name: str, path: str, size: tuple[int, int], scheme: Scheme) -> None:
    page.goto(path)
    page.get_by_role("heading", level=1).or_(page.get_by_role("heading", level=2)).first.wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}-{size[0]}-{scheme}.png", full_page=True)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder))
        browser = launch(playwright)
        try:
            service.wait_until_ready()
            until(lambda: "25 of 25" in service.output, "the demo is over")
            password = until(lambda: service.demo_password, "the demo account is shown")
            for size in (WIDE, NARROW):
                for scheme in ("light", "dark"):
                    with open_page(browser, service.url, size, scheme) as page:
                        if size is WIDE and scheme == "light":
                            for each in ("light", "dark"):
                                page.emulate_media(color_scheme=each)
                                shoot(page, "welcome", "/welcome", size, each)
                            page.emulate_media(color_scheme="light")
                            register(page, EMAIL)
                            page.context.clear_cookies()
                        for name, path in OUTSIDE.items():
                            shoot(page, name, path, size, scheme)
                        log_in(page, "demo@example.com", password)
                        for name, path in INSIDE.items():
                            shoot(page, name, path, size, scheme)
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main()
