"""The page where a campaign is composed, and what comes of it, for tests in a browser."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, Route

from tests.support.service import until


def write(page: Page, subject: str, text: str) -> None:
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("Message", exact=True).fill(text)


def recipients(page: Page) -> Any:
    return page.get_by_label("Addresses", exact=True)


def choose(page: Page, name: str, content: bytes) -> None:
    page.get_by_text("File", exact=True).click()
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def preview(page: Page) -> Any:
    return page.get_by_role("article", name="Preview")


def schedule_button(page: Page) -> Any:
    return page.get_by_role("button", name=re.compile("^Schedule"))


def in_sandbox(page: Page, count: int) -> Any:
    messages = page.request.get("/api/sandbox/messages?limit=50").json()["items"]
    if len(messages) != count:
        return None
    return [page.request.get(f"/api/sandbox/messages/{message['id']}").json() for message in messages]


def campaigns(page: Page) -> Any:
    return page.request.get("/api/campaigns").json()["items"]


@contextmanager
def held_back(page: Page, url: str | re.Pattern[str]) -> Generator[None]:
    """Requests to `url` are not answered before the end, and one at least is asked by then."""
    held: list[Route] = []
    is_over = False
    page.route(url, lambda route: route.continue_() if is_over else held.append(route))
    yield
    until(lambda: held or page.wait_for_timeout(20), f"{url} is asked for")
    is_over = True
    for route in held:
        route.continue_()


def kept_draft(page: Page) -> Any:
    """The draft as this browser keeps it, once it does."""
    return page.wait_for_function(
        "() => { const key = Object.keys(localStorage).find((key) => key.startsWith('reachinbox.draft'));"
        " return key && JSON.parse(localStorage.getItem(key)); }"
    ).json_value()
