"""A mailbox is added by its address, connected at its provider without a password, and what DNS says of it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browser import NARROW, ask, assert_accessible, assert_fits, join, open_page
from tests.support.dns import NameServer
from tests.support.mailboxes import providers_file
from tests.support.oauth import MailProvider
from tests.support.service import Service, until

RECORDS = {
    ("_submissions._tcp.acme.example", "SRV"): ["0 1 465 smtp.acme.example."],
    ("_submissions._tcp.guest.example", "SRV"): ["0 1 465 mail.hosting.example."],
    ("_imaps._tcp.acme.example", "SRV"): ["0 1 993 imap.acme.example."],
    ("mine.example", "MX"): ["10 aspmx.l.google.com."],
    ("mine.example", "TXT"): ['"v=spf1 mx ~all"'],
}


@pytest.fixture(scope="module")
def provider() -> Iterator[MailProvider]:
    with MailProvider(lives_s=1) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, provider: MailProvider) -> Iterator[Service]:
    """One that asks a name server of ours, and where mailboxes of a company are connected."""
    folder: Path = tmp_path_factory.mktemp("connecting")
    with NameServer(RECORDS) as names:
        file = providers_file(folder, provider)
        service = Service(folder, MAIL_PROVIDERS_FILE=str(file), DNS_SERVERS=names.address)
        try:
            service.wait_until_ready()
            yield service
        finally:
            service.stop()


@pytest.fixture
def inside(browser: Browser, service: Service, provider: MailProvider, email: str) -> Iterator[Page]:
    with open_page(browser, service.url, others=(provider.issuer,)) as page:
        join(page, email)
        yield page


def new_sender(page: Page, address: str) -> Locator:
    page.goto("/senders?edit=new")
    form = page.get_by_role("dialog", name="Add a sender")
    form.get_by_label("Address", exact=True).fill(address)
    form.get_by_label("Display name").focus()
    return form


def test_servers_are_found_by_the_address_and_filled_in(inside: Page) -> None:
    form = new_sender(inside, "anna@acme.example")
    expect(form.get_by_text("anna@acme.example is at acme.example")).to_be_visible()
    expect(form.get_by_label("Host", exact=True)).to_have_value("smtp.acme.example")
    expect(form.get_by_label("Port", exact=True)).to_have_value("465")
    expect(form.get_by_role("combobox", name="Security", exact=True)).to_have_value("TLS")
    expect(form.get_by_label("Login name", exact=True)).to_have_value("anna@acme.example")
    expect(form.get_by_label("Read what comes back")).to_be_checked()
    expect(form.get_by_label("Host for reading")).to_have_value("imap.acme.example")
    assert_accessible(inside)
    form.get_by_label("Password", exact=True).fill("a password")
    form.get_by_role("button", name="Add the sender").click()
    expect(inside.get_by_text("anna@acme.example is added.")).to_be_visible()
    (added,) = [s for s in ask(inside, "GET", "/api/senders")["items"] if s["email"] == "anna@acme.example"]
    assert (added["host"], added["imap"]["host"]) == ("smtp.acme.example", "imap.acme.example")


def test_the_kind_of_password_and_where_it_is_made_are_said(inside: Page) -> None:
    form = new_sender(inside, "anna@icloud.com")
    expect(form.get_by_text("anna@icloud.com is at iCloud")).to_be_visible()
    expect(form.get_by_text("Its password is an app password")).to_be_visible()
    expect(form.get_by_role("link", name="Make one")).to_have_attribute(
        "href", "https://account.apple.com/account/manage"
    )
    form = new_sender(inside, "anna@outlook.com")
    expect(form.get_by_text("It takes no password")).to_be_visible()
    expect(form.get_by_text("Connecting there is not set up on this installation")).to_be_visible()
    expect(form.get_by_label("Host", exact=True)).not_to_have_value("smtp-mail.outlook.com")


def test_a_server_of_another_domain_is_filled_in_only_when_a_person_says_so(inside: Page) -> None:
    form = new_sender(inside, "anna@guest.example")
    expect(form.get_by_text("Is this its server?")).to_be_visible()
    expect(form.get_by_text("mail.hosting.example is not a server of guest.example")).to_be_visible()
    expect(form.get_by_label("Host", exact=True)).to_have_value("smtp.gmail.com")
    form.get_by_role("button", name="Use this server").click()
    expect(form.get_by_label("Host", exact=True)).to_have_value("mail.hosting.example")
    expect(form.get_by_role("button", name="Use this server")).to_have_count(0)


def test_what_is_found_takes_nothing_from_who_chose_already(inside: Page) -> None:
    inside.goto("/senders?edit=new")
    form = inside.get_by_role("dialog", name="Add a sender")
    form.get_by_role("radio", name="Another server").click()
    form.get_by_label("Host", exact=True).fill("relay.acme.example")
    form.get_by_label("Address", exact=True).fill("anna@acme.example")
    form.get_by_label("Display name").focus()
    expect(form.get_by_role("button", name="Use this server")).to_be_visible()
    expect(form.get_by_label("Host", exact=True)).to_have_value("relay.acme.example")
    form = new_sender(inside, "anna@nowhere.example")
    expect(form.get_by_text("Nothing tells where the servers of anna@nowhere.example are.")).to_be_visible()


@pytest.mark.parametrize("label", ["Password", "Login name", "Display name"])
def test_what_is_found_while_somebody_types_takes_neither_text_nor_focus(inside: Page, label: str) -> None:
    """Who is entering the login is only offered the servers; around a name that is typed they are filled in."""
    held: list[Route] = []
    inside.route("**/api/senders/discover*", lambda route: held.append(route))
    form = new_sender(inside, "anna@acme.example")
    until(lambda: inside.evaluate("0") or held, "servers are looked for")
    field = form.get_by_label(label, exact=True)
    field.fill("")
    field.press_sequentially("One")
    held[0].continue_()
    own = label == "Display name"
    expect(form.get_by_text("anna@acme.example is at acme.example")).to_be_visible()
    expect(form.get_by_label("Host", exact=True)).to_have_value("smtp.acme.example" if own else "smtp.gmail.com")
    expect(field).to_be_focused()
    inside.keyboard.type(" more")
    expect(field).to_have_value("One more")
    offer = form.get_by_role("button", name="Use this server")
    expect(offer).to_have_count(0 if own else 1)
    if not own:
        offer.click()
        expect(form.get_by_label("Host", exact=True)).to_have_value("smtp.acme.example")


def test_no_mailbox_is_connected_where_the_page_does_not_belong(inside: Page, provider: MailProvider) -> None:
    provider.agrees = "other@company.example"
    inside.goto("/senders?edit=new")
    connect = inside.get_by_role("link", name="Connect with The company")
    connect.wait_for()
    second = ask(inside, "POST", "/api/workspaces", {"name": "The second"})["id"]
    ask(inside, "POST", f"/api/workspaces/{second}/select")  # as in another tab
    connect.dispatch_event("click")
    expect(inside.get_by_text("or another workspace was gone to")).to_be_visible()
    expect(inside.get_by_role("button", name="Workspace: The second")).to_be_visible()
    assert_accessible(inside)
    assert "other@company.example" not in [one["email"] for one in ask(inside, "GET", "/api/senders")["items"]]


def test_a_mailbox_is_connected_and_connected_again(inside: Page, provider: MailProvider) -> None:
    address = "mail@company.example"
    provider.agrees = address
    inside.goto("/senders?edit=new")
    inside.get_by_role("link", name="Connect with The company").click()
    expect(inside.get_by_text(f"{address} is connected")).to_be_visible()
    card = inside.get_by_role("article", name=address)
    expect(card.get_by_text("connected with The company")).to_be_visible()
    assert_accessible(inside)
    card.get_by_role("link", name="Edit").click()
    form = inside.get_by_role("dialog", name="Edit the sender")
    expect(form.get_by_text("It is connected at its provider, and logs in without a password.")).to_be_visible()
    provider.revoke(address)
    (sender,) = [s for s in ask(inside, "GET", "/api/senders")["items"] if s["email"] == address]
    assert not ask(inside, "POST", f"/api/senders/{sender['id']}/verify")["ok"]
    inside.goto("/senders")
    again = card.get_by_role("link", name="Connect again with The company")
    provider.agrees = "somebody-else@company.example"
    (path,) = [again.get_attribute("href")]
    inside.goto(f"{path}&next=%2Fcompose")
    back = inside.get_by_role("link", name="Back to where you were")
    expect(back).to_have_attribute("href", "/compose")
    inside.goto("/senders")
    again.click()
    expect(inside.get_by_text("You agreed with another account than this mailbox")).to_be_visible()
    assert_accessible(inside)
    provider.agrees = address
    again.click()
    expect(inside.get_by_text(f"{address} is connected")).to_be_visible()
    expect(again).to_have_count(0)


def test_what_dns_says_is_shown_with_what_to_publish(inside: Page) -> None:
    ask(inside, "POST", "/api/senders", {"email": "anna@mine.example", "host": "smtp.gmail.com"})
    inside.goto("/senders")
    card = inside.get_by_role("article", name="anna@mine.example")
    card.get_by_role("button", name="Does its mail arrive?").click()
    expect(card.get_by_text("DMARC", exact=True)).to_be_visible()
    expect(card.get_by_text("Wrong", exact=True).first).to_be_visible()
    expect(card.get_by_label("TXT record: its value").first).to_have_value("v=spf1 include:_spf.google.com mx ~all")
    assert_accessible(inside)
    inside.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(inside)
    inside.goto("/compose")
    inside.get_by_role("combobox", name="From").click()
    inside.get_by_role("option", name="anna@mine.example").click()
    expect(inside.get_by_text("Receivers may distrust mail from mine.example")).to_be_visible()


def test_several_mailboxes_come_from_a_file_and_refused_rows_say_why(inside: Page) -> None:
    inside.goto("/senders?edit=file")
    form = inside.get_by_role("dialog", name="Add several mailboxes")
    form.get_by_role("button", name="Add the mailboxes").click()
    expect(form.get_by_text("Choose a file.")).to_be_visible()
    nobody = {"name": "none.csv", "mimeType": "text/csv", "buffer": b"email,host\nnobody,\n"}
    form.locator("input[type=file]").set_input_files(nobody)  # pyright: ignore[reportArgumentType]
    form.get_by_role("button", name="Add the mailboxes").click()
    expect(form.get_by_text("No mailbox is added.")).to_be_visible()
    form.get_by_role("button", name="Close").last.click()
    inside.goto("/senders?edit=file")
    rows = "email,host,port,username,password\nbea@acme.example,smtp.acme.example,465,bea,secrét\nnobody,,,,\n"
    for encoding in ("cp1252", "utf-8"):
        file = {"name": "boxes.csv", "mimeType": "text/csv", "buffer": rows.encode(encoding)}
        form.locator("input[type=file]").set_input_files(file)  # pyright: ignore[reportArgumentType]
        form.get_by_role("button", name="Add the mailboxes").click()
        if encoding == "cp1252":
            expect(form.get_by_text("The file is not text in UTF-8.")).to_be_visible()
    expect(form.get_by_text("1 mailbox added; each is verified now")).to_be_visible()
    expect(form.get_by_role("row", name="3")).to_be_visible()
    assert_accessible(inside)
    form.get_by_role("button", name="Close").last.click()
    expect(inside.get_by_role("article", name="bea@acme.example")).to_be_visible()


def test_the_check_on_the_wire_is_offered_and_says_what_it_lacks(inside: Page) -> None:
    ask(inside, "POST", "/api/senders", {"email": "cleo@acme.example", "host": "smtp.acme.example"})
    inside.goto("/senders")
    card = inside.get_by_role("article", name="cleo@acme.example")
    card.get_by_role("button", name="Does its mail arrive?").click()
    expect(card.get_by_text("Not tried yet.")).to_be_visible()
    card.get_by_role("button", name="Send a mail and read it back").click()
    expect(card.get_by_text("Handed over")).to_be_visible()
    expect(card.get_by_text("Wrong", exact=True).first).to_be_visible()
