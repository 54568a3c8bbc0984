"""The dashboard in a real browser, on a service started as `make run` starts it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import PASSWORD, WarmProfile, join, launch
from tests.support.service import Service


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests, with the demo account and its campaign, and no administrator until a test registers one."""
    service = Service(tmp_path_factory.mktemp("dashboard"))
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Playwright's loop goes on in the main thread, and no other can be started beside it: it ends with these tests."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(browser: Browser, service: Service) -> Iterator[WarmProfile]:
    profile = WarmProfile(browser, service.url)
    yield profile
    profile.close()


@pytest.fixture
def page(profile: WarmProfile) -> Iterator[Page]:
    """A page that fails the test on whatever goes wrong in it (see `watched`)."""
    with profile.open_page() as page:
        yield page


@pytest.fixture
def email() -> str:
    """An address of this test alone."""
    return f"{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture(scope="module")
def administrator(service: Service) -> None:
    """The first account is shown the demo's workspace beside its own, as soon as there is one: no test's is that."""
    account = {"email": f"first.{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
    httpx.post(f"{service.url}/api/auth/register", json=account).raise_for_status()


@pytest.fixture
def inside(administrator: None, page: Page, email: str) -> Page:
    """A page of somebody who has just registered, and does not administer. How one registers is another test's, and so
    is where this one goes first: to load a page that nobody looks at takes as long as a short test.
    """
    join(page, email)
    return page


@pytest.fixture
def composing(inside: Page) -> Page:
    inside.goto("/compose")
    inside.get_by_role("heading", name="New campaign", level=1).wait_for()
    return inside
