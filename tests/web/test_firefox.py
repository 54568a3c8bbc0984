"""The dashboard in the other browser that Debian has: from the login to the first page, and a campaign's plan."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.browser import PASSWORD
from tests.support.firefox import PROGRAM, WANTED, firefox
from tests.support.service import Service, until

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


def test_somebody_registers_and_writes_in_firefox(service: Service, email: str, tmp_path: Path) -> None:
    with firefox(tmp_path) as window:
        window.go(f"{service.url}/login")
        assert window.text("h1") == "Log in"
        window.go(f"{service.url}/register")
        window.fill("input[type=email]", email)
        window.fill("input[type=password]", PASSWORD)
        window.click("button[type=submit]")
        heading = "return document.querySelector('h1')?.textContent"
        until(lambda: window.value_of(heading) == "Campaigns", "the first page is there")
        assert window.text("main h2") == "No campaign yet"
        window.click("main a[href='/compose']")
        window.fill("textarea", f"reader@{email}")
        assert window.value_of("return document.documentElement.scrollWidth <= innerWidth") is True
