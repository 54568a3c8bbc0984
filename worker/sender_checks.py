"""Checks that people ask for: whether the servers let a sender in, and what becomes of a mail that it sends."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ssl import cert_time_to_seconds
from typing import NamedTuple

import structlog

from app.db import Pool, Row
from app.domain.operations.resolver import DnsAway, Resolver
from app.domain.senders import for_workers, wire_checks
from app.domain.senders.known_providers import KNOWN
from app.domain.senders.threading import UNTOLD, Habit, habit_of
from app.domain.senders.wire_checks import Begun
from app.domain.senders.wire_judge import MOST_HEADERS, Arrived, Judgement, Seen, Showing, Shown, judge
from app.mail.addresses import domain_of
from app.mail.message import Message, MessageBuilder
from app.settings import Settings
from worker.auth import LoginRefused
from worker.credentials import Credentials
from worker.imap import Folder, Mailbox, Session
from worker.instruments import WIRE_CHECKS
from worker.smtp import Conversation
from worker.verdicts import ServerTrouble

VERIFY_S = 15.0
ARRIVAL_S = 180.0  # how long the mail is waited for
LOOK_S = 60.0  # for one look into all folders
COPY_S = 20.0  # how long a copy in the folder for sent mail is waited for, once the mail is there
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
MOST_FOLDERS = 50
_SOMEBODYS = re.compile(r"[^.]{4}\.[a-z]{2}$|\.[a-z]{3,}$|\..+\.")  # a zone of one owner, not com or co.uk
_WORST_FIRST: tuple[Judgement, ...] = ("wrong", "weak", "unknown", "good")
_BODY = """This is a check: ReachInbox sent this mail as {{ sender }} and looks for it in the mailbox of {{ email }}, to
see how servers treat it.

There is nothing to do. It can be deleted.
"""

log = structlog.get_logger()


class Checks:
    """Of all senders."""

    def __init__(self, settings: Settings, pool: Pool, credentials: Credentials) -> None:
        self._settings = settings
        self._pool = pool
        self._credentials = credentials
        self._resolver = Resolver.of(settings)

    async def verify(self, sender_id: int) -> None:
        """Connect and log in, and write down what came of it."""
        row = await for_workers.load_sender(self._pool, sender_id)
        if row is None:
            return
        trouble = await _let_in(self._enter_smtp(row))
        refused = isinstance(trouble, LoginRefused)
        imap_trouble = self._refused_already(row) if refused else None
        imap_trouble = imap_trouble or await _let_in(self._enter_imap(row))
        errors = [None if one is None else str(one) for one in (trouble, imap_trouble)]
        await for_workers.record_verification(self._pool, sender_id, row["verify_requested_at"], *errors)

    def _refused_already(self, sender: Row) -> ServerTrouble | None:
        """Why its IMAP server is not asked, once its SMTP server has refused the login: providers count wrong passwords
        over both, and lock the account.
        """
        with suppress(ServerTrouble):
            smtp, imap = self._credentials.server_of(sender), self._credentials.imap_server_of(sender)
            alike = imap and smtp.password and (smtp.username, smtp.password) == (imap.username, imap.password)
            if imap and alike:
                return ServerTrouble(f"{imap.address} was not tried with the password just refused", "login")
        return None

    async def _enter_smtp(self, sender: Row) -> None:
        await (await self._connect(sender)).close()

    async def _enter_imap(self, sender: Row) -> None:
        server = self._credentials.imap_server_of(sender)
        if server is not None:
            await (await Mailbox.open(server)).close()

    async def _connect(self, sender: Row) -> Conversation:
        """Raises ServerTrouble."""
        name = self._settings.ehlo_name or domain_of(sender["email"])
        return await Conversation.open(self._credentials.server_of(sender), name)

    async def check_wire(self, workspace_id: int, sender_id: int) -> None:
        """Send one mail, read it back, and write down what that showed."""
        begun = await wire_checks.begin(self._pool, workspace_id, sender_id)
        sender = await for_workers.load_sender(self._pool, sender_id)
        if begun is None or sender is None:
            return
        reader = await for_workers.load_sender(self._pool, begun.reader_id)
        if reader is None:
            shown = _only(Showing("inbox", "wrong", "the mailbox that the mail was to go to is there no more"))
            await self._end(begun, sender, shown)
            return
        mail = Mail.to(self._settings, sender, reader["email"])
        sent = await self._send(begun, sender, mail)
        if sent.failure is not None:
            await self._end(begun, sender, _only(*sent.showings, sent.failure))
            return
        look = await Look(self._credentials, sender, reader, mail).until_found()
        seen = Seen(
            mail.message_id,
            sender["email"],
            look.arrived,
            ARRIVAL_S,
            await self._own_zones(reader),
            names_itself=(reader["imap_host"] or "") != "outlook.office365.com",
            sent_copies=look.sent_copies,
        )
        shown = judge(seen) if look.inbox_read else _only()
        shown = shown._replace(showings=[*sent.showings, *look.showings, *shown.showings])
        habit = habit_of(mail.message_id, shown.used_message_id, sent.reply)
        await self._end(begun, sender, shown, habit, look)

    async def _end(
        self, begun: Begun, sender: Row, shown: Shown, habit: Habit = UNTOLD, look: Look | None = None
    ) -> None:
        inbox_read, latency_ms = (None, None) if look is None else (look.inbox_read, look.latency_ms)
        await wire_checks.end(self._pool, begun, sender["email"], shown, habit, inbox_read, latency_ms)
        verdicts = {showing.verdict for showing in shown.showings}
        result = next(one for one in _WORST_FIRST if one in verdicts or one == "good")
        WIRE_CHECKS[result].inc()
        log.info("sender checked on the wire", sender_id=begun.sender_id, result=result)

    async def _send(self, begun: Begun, sender: Row, mail: Mail) -> Sent:
        if not await wire_checks.take_allowance(self._pool, begun):
            text = "the sender's limits leave nothing in this hour"
            return Sent([], Showing("handover", "unknown", text, "Check again in the next one."))
        try:
            conversation = await self._connect(sender)
            showings = [_of_tls(conversation)]
            try:
                verdict = await conversation.deliver(sender["email"], mail.message)
            finally:
                await conversation.close()
        except ServerTrouble as trouble:
            return Sent([], Showing("handover", "wrong", str(trouble)))
        if verdict.kind != "ACCEPTED":
            code = "" if verdict.code is None else f"{verdict.code} "
            text = f"the server did not take the mail at {verdict.command}: {code}{verdict.text}"
            return Sent(showings, Showing("handover", "wrong", text))
        return Sent([Showing("handover", "good", "the server took the mail"), *showings], None, verdict.text)

    async def _own_zones(self, reader: Row) -> set[str]:
        """Under which names the servers are that take mail for the mailbox."""
        domain = domain_of(reader["email"])
        hosts = {reader["imap_host"] or domain}
        try:
            hosts |= {record.partition(" ")[2] for record in await self._resolver.ask(domain, "MX")}
        except DnsAway:
            log.debug("no MX for the receiving side of a check", domain=domain)
        names = {host.lower().removesuffix(".") for host in hosts}
        parents = {name.partition(".")[2] for name in names}
        known = {zone for one in KNOWN if one.imap.host in names or domain in one.domains for zone in one.mx}
        return {domain, *names, *(parent for parent in parents if _SOMEBODYS.search(parent)), *known}


class Mail(NamedTuple):
    """The mail that a check sends. `subject` has a word that is in no other mail."""

    message: Message
    message_id: str
    subject: str
    sent_at: datetime

    @classmethod
    def to(cls, settings: Settings, sender: Row, address: str) -> Mail:
        subject = f"A check of this mailbox: {secrets.token_hex(8)}"
        message_id = f"<{secrets.token_hex(16)}@{domain_of(sender['email'])}>"
        now = datetime.now(UTC)
        builder = MessageBuilder(
            from_address=sender["email"],
            display_name=sender["display_name"],
            subject=subject,
            body=_BODY,
            body_html=None,
        )
        message = builder.build(address, {"sender": sender["email"]}, message_id, now)
        # As mail of campaigns has them, for a server to sign or not: the address leads to nothing.
        unsubscribing = (
            f"List-Unsubscribe: <{settings.base_url.rstrip('/')}/u/check>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            "Auto-Submitted: auto-generated\r\n"
        )
        content = unsubscribing.encode() + message.content
        return cls(Message(content, message.smtputf8, message.envelope_to), message_id, subject, now)


class Sent(NamedTuple):
    """The result of handing over; `failure`: why there is nothing to look for, otherwise `reply` is the 250's text."""

    showings: list[Showing]
    failure: Showing | None
    reply: str = ""


class Look:
    """Looking for the mail: where it arrives, and in the sender's folder for what it sent."""

    def __init__(self, credentials: Credentials, sender: Row, reader: Row, mail: Mail) -> None:
        self._credentials = credentials
        self._sender = sender
        self._reader = reader
        self._mail = mail
        self._began = time.monotonic()
        self.arrived: Arrived | None = None
        self.latency_ms: int | None = None
        self.sent_copies: list[bytes] | None = None
        self.inbox_read: bool | None = None
        self.showings: list[Showing] = []

    async def until_found(self) -> Look:
        await self._find_arrived()
        if self.inbox_read:
            await self._find_copies()
        return self

    async def _find_arrived(self) -> None:
        try:
            server = self._credentials.imap_server_of(self._reader)
            if server is None:
                text = "the mailbox is not read here, so nothing more can be told"
                self.showings.append(Showing("inbox", "unknown", text, "Give the sender an IMAP server."))
                return
            mailbox = await Mailbox.open(server)
        except ServerTrouble as trouble:
            self.inbox_read = False
            self.showings.append(Showing("inbox", "wrong", str(trouble)))
            return
        try:
            pause_s = FIRST_PAUSE_S
            while self.arrived is None and time.monotonic() - self._began < ARRIVAL_S:
                self.arrived = await mailbox.do(lambda session: _arrived(session, self._mail), LOOK_S)
                if self.arrived is None:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self.inbox_read = True
            self.showings.append(Showing("inbox", "good", f"the mailbox can be read, by {mailbox.tls}"))
            if self.arrived is not None:
                self.latency_ms = round((time.monotonic() - self._began) * 1000)
        except ServerTrouble as trouble:
            self.inbox_read = False
            self.showings.append(Showing("inbox", "wrong", str(trouble)))
        finally:
            await mailbox.close()

    async def _find_copies(self) -> None:
        """In the sender's own mailbox; where that is not read, nothing is told."""
        try:
            server = self._credentials.imap_server_of(self._sender)
            if server is None:
                return
            mailbox = await Mailbox.open(server)
        except ServerTrouble:
            return
        try:
            deadline = time.monotonic() + COPY_S
            while True:
                found = await mailbox.do(lambda session: _copies(session, self._mail), LOOK_S)
                if found or time.monotonic() > deadline:
                    self.sent_copies = found
                    return
                await asyncio.sleep(LONGEST_PAUSE_S)
        except ServerTrouble as trouble:
            log.info("the folder for sent mail was not looked at", kind=trouble.kind)
        finally:
            await mailbox.close()


def _arrived(session: Session, mail: Mail) -> Arrived | None:
    """The inbox first, then the folders that filters and rules move mail to. In a thread."""
    apart = {"\\sent", "\\drafts", "\\trash"}
    folders = [folder for folder in session.folders() if folder.can_be_opened and not folder.uses & apart]
    folders.sort(key=lambda folder: (not _is_inbox(folder), "\\junk" not in folder.uses, "\\all" in folder.uses))
    for folder in folders[:MOST_FOLDERS]:
        headers = _headers(session, folder, mail)
        if headers:
            return Arrived(headers[0], folder.name, "\\junk" in folder.uses, _is_inbox(folder))
    return None


def _copies(session: Session, mail: Mail) -> list[bytes]:
    """In a thread."""
    sent = [folder for folder in session.folders() if folder.can_be_opened and "\\sent" in folder.uses]
    return [headers for folder in sent[:MOST_FOLDERS] for headers in _headers(session, folder, mail)]


def _is_inbox(folder: Folder) -> bool:
    return folder.name.upper() == "INBOX"


def _headers(session: Session, folder: Folder, mail: Mail) -> list[bytes]:
    """Of the mail in this folder, by its Message-ID or, where that was replaced, by its subject."""
    if not session.examine(folder.name).messages:
        return []
    since = (mail.sent_at - timedelta(days=1)).strftime("%d-%b-%Y")
    uids = session.search("SINCE", since, "HEADER", "MESSAGE-ID", mail.message_id)
    uids = uids or session.search("SINCE", since, "SUBJECT", mail.subject.rpartition(" ")[2])
    told = session.fetch(uids[-3:], f"BODY.PEEK[HEADER]<0.{MOST_HEADERS}>")
    headers = (item.get(b"BODY[HEADER]<0>") for item in told.values())
    return [value[:MOST_HEADERS] for value in headers if isinstance(value, bytes)]  # a server may name a number


def _of_tls(conversation: Conversation) -> Showing:
    version, until = conversation.secured
    if version is None:
        return Showing("tls", "weak", "the connection to the SMTP server is not encrypted")
    if until is not None:
        until = f"{datetime.fromtimestamp(cert_time_to_seconds(until), UTC):%Y-%m-%d}"
    return Showing("tls", "good", f"{version}, with a certificate that is good until {until}")


def _only(*showings: Showing) -> Shown:
    return Shown(list(showings), None, None, None, None, None, [])


async def _let_in(entering: Awaitable[None]) -> ServerTrouble | None:
    """Why a server did not let us in; None: it did."""
    try:
        async with asyncio.timeout(VERIFY_S):
            await entering
    except ServerTrouble as trouble:
        return trouble
    except TimeoutError:
        return ServerTrouble(f"the server was not done with letting us in after {VERIFY_S:g} s", "connect")
    return None
