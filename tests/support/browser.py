"""Debian's Chromium on the dashboard: nothing may go wrong in it unnoticed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    Response,
    WebError,
    expect,
)

from tests.support.waiting import BOUND_S

Scheme = Literal["light", "dark"]

WIDE, MEDIUM, NARROW = (1280, 800), (820, 1180), (390, 844)
PASSWORD = "correct horse battery"  # noqa: S105 -- of accounts made for tests
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
# By colour scheme: all rules in the first, in the second those that look at colours, by which alone they differ.
RULES: dict[Scheme, Any] = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
# Nothing is made for a report that nobody reads: of what is right, selectors, copies of the style sheets.
BRIEF = {"resultTypes": ["violations"], "selectors": False, "preload": False}
# Words of Chromium on an answer like 401 or 422, and of a file that is gone after an upgrade, if the page hears of it
# before it is loaded anew: a test looks at what the page makes of it.
REFUSED = (
    "Failed to load resource: the server responded with a status of 4",
    "TypeError: Failed to fetch dynamically imported module",
    "Error: Unable to preload CSS",
)
# No timer of as long as a CopyField says that it was copied runs out.
STAYS_SAID = """
const real = window.setTimeout;
window.setTimeout = (act, ms, ...rest) => (ms === 2000 ? 0 : real(act, ms, ...rest));
"""


def launch(playwright: Playwright) -> Browser:
    # The shell is the same browser without its own windows, menus and services: half the work for the processors.
    expect.set_options(timeout=BOUND_S * 1000)
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium, "the tests of the dashboard need Chromium: apt-get install chromium-headless-shell"
    # It would also keep frames of other origins in their page's process, and complain of what axe-core sends to them.
    processes = ("--site-per-process", "--process-per-site")
    return playwright.chromium.launch(executable_path=chromium, args=[*QUIET, "--no-first-run", *processes])


@contextmanager
def open_page(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    scheme: Scheme = "light",
    timezone: str = "Europe/Berlin",
    others: tuple[str, ...] = (),
) -> Generator[Page]:
    """A page in a fresh profile, which is `watched`."""
    context = new_profile(browser, url, size, scheme, timezone)
    try:
        with watched(context, url, others):
            yield context.new_page()
    finally:
        context.close()


def new_profile(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    scheme: Scheme = "light",
    timezone: str = "Europe/Berlin",
) -> BrowserContext:
    width, height = size
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        timezone_id=timezone,
        locale="en-GB",
    )
    context.set_default_timeout(BOUND_S * 1000)
    return context


class WarmProfile:
    """A profile whose next page starts in half the time: its scripts are compiled, since a page that nobody looks at
    keeps their process. Nothing else is left of the page before.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._url = url
        self._context = new_profile(browser, url)
        self._keeper = self._context.new_page()
        self._keeper.goto("/healthz")
        self._storage = self._context.new_cdp_session(self._keeper)

    @contextmanager
    def open_page(self) -> Generator[Page]:
        """As the function of this name."""
        try:
            with watched(self._context, self._url):
                yield self._context.new_page()
        finally:
            for page in self._context.pages:
                if page != self._keeper:
                    page.close()
            self._context.unroute_all()
            self._context.clear_permissions()
            self._context.clear_cookies()
            self._storage.send("Storage.clearDataForOrigin", {"origin": self._url, "storageTypes": "all"})

    def close(self) -> None:
        self._context.close()


@contextmanager
def watched(context: BrowserContext, url: str, others: tuple[str, ...] = ()) -> Generator[None]:
    """Fails at the end on an error in a page's console, a violation of the Content-Security-Policy among them, on an
    exception that no script caught, and on a request to another origin, those in `others` apart. It says which answers
    were refusals.
    """
    wrong: list[str] = []
    refused: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(REFUSED):
            wrong.append(f"console: {message.text} ({message.location['url']})")

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"{url}/", "data:", "blob:", *others)):
            wrong.append(f"request to another origin: {request.url}")

    def on_exception(error: WebError) -> None:
        wrong.append(f"exception: {error.error}")

    def on_response(response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST:
            refused.append(f"{response.status} {response.request.method} {response.url}")

    listeners = {"console": on_console, "weberror": on_exception, "request": on_request, "response": on_response}
    for event, listener in listeners.items():
        context.on(event, listener)
    try:
        yield
    finally:
        for event, listener in listeners.items():
            context.remove_listener(event, listener)
    assert not wrong, "\n".join([*wrong, *refused])


def register(page: Page, email: str, password: str = PASSWORD) -> None:
    """Make an account and stand on the list of campaigns. The first one is the administrator's."""
    page.goto("/register")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/")
    page.get_by_role("heading", name="Campaigns", level=1).wait_for()


def join(page: Page, email: str, password: str = PASSWORD) -> None:
    """Make an account without the form, and be logged in; no page is opened."""
    answer = page.request.post("/api/auth/register", data={"email": email, "password": password})
    assert answer.ok, answer.text()


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Log in on the login page and wait until that is left."""
    page.goto("/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)


def schedule(page: Page, emails: int) -> None:
    """Ask to have a draft of so many emails scheduled, and confirm what the sheet says."""
    noun = "email" if emails == 1 else "emails"
    page.get_by_role("button", name=f"Schedule {emails} {noun}").click()
    confirm_sending(page)


def confirm_sending(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^(Send|Schedule) [0-9]")).click()


def ask(page: Page, method: str, path: str, body: object = None) -> Any:
    """The API's answer to the person logged in in this page's browser; None where it has nothing to say."""
    answer = page.request.fetch(path, method=method, data=body)
    text = answer.text()
    assert answer.ok, f"{method} {path}: {text}"
    return json.loads(text) if text else None


def what_is_copied_stays_said(page: Page) -> None:
    """From the next load on: a machine that stalls sees it, too."""
    page.add_init_script(STAYS_SAID)


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the screen."""
    width = page.viewport_size and page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == width


def assert_accessible(page: Page) -> None:
    """No violation that axe-core finds, in either colour scheme.

    Only `region` is not asked for: menus and lists that open are at the end of the page, outside of its landmarks.
    """
    for scheme, rules in RULES.items():
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-mantine-color-scheme={scheme}]").wait_for(state="attached")
        # The styles follow a moment later, some of them in a transition.
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
        found = violations(page, rules)
        assert not found, f"{page.url} in {scheme}:\n" + "\n".join(found)


def violations(page: Page, rules: Any = None) -> list[str]:
    """The faults that axe-core finds in a page as it is, by all of its rules or by these."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    only: dict[str, Any] = {} if rules is None else {"runOnly": rules}
    asked = only | {"rules": {"region": {"enabled": False}}, **BRIEF}
    found: Any = page.evaluate("asked => axe.run(document, asked)", asked)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in [*found["violations"], *found["incomplete"]]
        for node in rule["nodes"]
        if rule in found["violations"] or _is_invisible(node)
    ]


def _is_invisible(node: Any) -> bool:
    """Text in the colour of what is behind it, about which axe-core has no opinion."""
    return any((check["data"] or {}).get("messageKey") == "equalRatio" for check in node["any"])


def editor(page: Page) -> Locator:
    """Choose rich text; its editor, which has the focus."""
    page.get_by_text("Rich text", exact=True).click()
    found = page.get_by_role("textbox", name="Rich text")
    found.click()
    selects(page, "")
    return found


def to_the_end(page: Page) -> None:
    """Put the caret behind all of the rich text."""
    page.keyboard.press("Control+End")
    _wait(page, "selection.eq(selection.constructor.atEnd(state.doc))", None)


def selects(page: Page, words: str) -> None:
    """Wait until the editor has the focus and knows what is selected in it: the page shows that a little sooner."""
    _wait(page, "state.doc.textBetween(selection.from, selection.to) === words", words)


def _wait(page: Page, condition: str, words: str | None) -> None:
    editor = """const { view, state } = document.querySelector("[aria-label='Rich text']").editor"""
    known = f"{editor}; const {{ selection }} = state; return view.hasFocus() && {condition}"
    page.wait_for_function(f"words => {{ {known} }}", arg=words)
