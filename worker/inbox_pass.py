"""One pass through a mailbox: what is new in each folder, and doubts looked for in Sent.

Headers are looked at first, the body of what may be an answer then, and nothing else. A message that answers nothing of
ours is forgotten at once and never logged. A pass has a budget of time and bytes; what is left goes on where it was.
Folders are opened by EXAMINE and fetched from by BODY.PEEK, so nothing is marked, moved or deleted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import structlog
from psycopg import DataError, IntegrityError

from app.db import Pool
from app.domain.inbound import doubts, inboxes, matching, record
from app.domain.inbound.copies import ToCopy
from app.domain.inbound.doubts import Copy, Doubt
from app.domain.inbound.inboxes import Inbox, Place
from app.domain.inbound.matching import Answer
from app.domain.inbound.record import Found
from app.mail.addresses import key
from app.mail.inbound import apart, headers
from app.mail.inbound.apart import NotRead
from app.mail.inbound.facts import Inbound, Incoming
from app.mail.inbound.mime import Fields
from app.mail.opaque import EmailName, Links, MessageIds
from worker.imap import Folder, Mailbox, Session, State
from worker.imap_protocol import MOST_BYTES, Allowance
from worker.instruments import DOUBTS_SETTLED, RESPONSES
from worker.sent_copies import SentCopies
from worker.verdicts import ServerTrouble

PASS_S = 60.0  # after this, it fails
NOTHING_NEW_S = 45.0  # after this, nothing more is begun
CHUNK = 30  # messages at once
HEADER_BYTES, BODY_BYTES = 65_536, 262_144
CHUNK_BYTES = CHUNK * (HEADER_BYTES + BODY_BYTES) + 65_536  # at most
MOST_FOLDERS = 1_000
SPAN = 10_000  # UIDs that are asked for at once: their list is one line
_LAST_UID = 0xFFFFFFFF  # RFC 3501, section 9: nz-number
_HEADER, _TEXT = "BODY.PEEK[HEADER]<0.%d>", "BODY.PEEK[TEXT]<0.%d>"
_OUR_ID = "X-MICROSOFT-ORIGINAL-MESSAGE-ID"  # where Outlook.com keeps it, having put its own in the place
_IDS = f"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID {_OUR_ID})]"
_NOT_READ = {"\\sent", "\\drafts", "\\all", "\\flagged"}  # our own, and other views of the same
_AT_GMAIL = {"\\all", "\\junk"}
_SEARCHED = re.compile(r"[!#-\[\]-~]{1,250}")  # needs no escapes
_OF_MACHINES = {"MACHINE_SENDER", "EMPTY_RETURN_PATH", "REPORT"}
T = TypeVar("T")

log = structlog.get_logger()


class CutShort(Exception):
    """The pass has used up what it may; the next goes on."""


class Letter(NamedTuple):
    """A message as it was fetched."""

    uid: int
    at: datetime
    raw: bytes


class Pass:
    """Through a mailbox that is leased and logged in to."""

    def __init__(
        self,
        pool: Pool,
        inbox: Inbox,
        mailbox: Mailbox,
        ids: MessageIds,
        links: Links,
        copies: SentCopies,
        max_attempts: int | None = None,
    ) -> None:
        self._pool = pool
        self._inbox = inbox
        self._mailbox = mailbox
        self._ids = ids
        self._links = links
        self._copies = copies
        self._max_attempts = max_attempts  # of an email in doubt
        self._since = inbox.since - timedelta(days=1)
        self._read_names: list[str] = []  # of the folders that are read
        self._began = time.monotonic()
        self._allowance = Allowance(MOST_BYTES)

    async def run(self) -> bool:
        """Whether all was read that had come when it began. Raises ServerTrouble, LeaseLost, NotRead."""
        try:
            folders = await self._do(Session.folders)
            if not any(folder.can_be_opened for folder in folders):
                raise ServerTrouble(f"{self._mailbox.server.address} lists no folder that can be read", "protocol")
            if len(folders) > MOST_FOLDERS:
                raise ServerTrouble(
                    f"{self._mailbox.server.address} lists {len(folders):,} folders; up to {MOST_FOLDERS:,} are read",
                    "protocol",
                )
            await self._read_folders(folders)
            sent = [folder.name for folder in folders if "\\sent" in folder.uses and folder.can_be_opened]
            await self._look_for_doubts(sent)
        except CutShort:
            return False
        await self._put_copies(sent)
        return True

    async def _do(self, act: Callable[[Session], T]) -> T:
        left_s = PASS_S - (time.monotonic() - self._began)
        return await self._mailbox.do(act, max(left_s, 1.0), self._allowance)

    def _goes_on(self) -> None:
        """Raises CutShort."""
        if time.monotonic() - self._began > NOTHING_NEW_S or self._allowance.left < CHUNK_BYTES:
            raise CutShort

    # Folders

    async def _read_folders(self, folders: Sequence[Folder]) -> None:
        is_gmail = await self._do(lambda session: is_at_gmail(session, folders))
        places = await inboxes.places(self._pool, self._inbox)
        standings = await self._do(Session.standings)
        self._read_names = [folder.name for folder in sorted(folders, key=_turn) if _is_read(folder, is_gmail=is_gmail)]
        for name in self._read_names:
            place, standing = places.get(name), standings.get(name)
            if place is None or standing is None or not is_done(place, standing):
                self._goes_on()
                await self._read_folder(name, place)

    async def _read_folder(self, name: str, place: Place | None) -> None:
        state = await self._do(lambda session: session.examine(name))
        if (
            not 0 < state.uid_validity <= _LAST_UID
            or not 0 < (1 if state.uid_next is None else state.uid_next) <= _LAST_UID + 1
        ):
            raise ServerTrouble(f"{self._mailbox.server.address} names messages by what are no UIDs", "protocol")
        at = place.uid if place is not None and _is_of(place, state) else 0
        end = _LAST_UID if state.uid_next is None else state.uid_next - 1
        span = SPAN
        last = at
        while at < end:
            self._goes_on()
            upto = min(at + span, end)
            uids = await self._search(at + 1, upto)
            span = SPAN if uids else span * 4
            for start in range(0, len(uids), CHUNK):
                self._goes_on()
                await self._read_chunk(name, state, uids[start : start + CHUNK])
            last = max([last, *uids])
            at = upto
            if state.uid_next is not None:
                last = at
                await self._pass_by(Place(name, state.uid_validity, at))
        if state.uid_next is None or place is None or last != place.uid:
            await self._pass_by(Place(name, state.uid_validity, last))

    async def _search(self, first: int, last: int) -> list[int]:
        """UIDs of what came since the sender was made; the server counts days in a zone of its own."""
        since = self._since.date()
        found = await self._do(lambda session: session.search("UID", f"{first}:{last}", "SINCE", since))
        return sorted({uid for uid in found if first <= uid <= last})

    async def _pass_by(self, place: Place) -> None:
        await record.pass_by(self._pool, self._inbox, place)

    # Messages

    async def _read_chunk(self, folder: str, state: State, uids: Sequence[int]) -> None:
        letters = await self._fetch_headers(uids)
        seen = await self._read_apart([Incoming(letter.raw) for letter in letters])
        named = await self._match(letters, seen)
        wanted = [
            letter
            for letter, message, answer in zip(letters, seen, named, strict=True)
            if answer is not None or (message is not None and _may_report(message))
        ]
        whole = await self._fetch_bodies(wanted)
        read = await self._read_apart(await self._incoming(whole))
        of_whole = dict(zip((letter.uid for letter in whole), await self._match(whole, read), strict=True))
        for letter, by_headers in zip(letters, named, strict=True):  # in order, or what lies between would be passed by
            answer = of_whole.get(letter.uid, by_headers)
            if answer is None:
                continue
            found = Found(answer, Place(folder, state.uid_validity, letter.uid), letter.at)
            if letter.uid in of_whole:
                await self._record(found)
            else:
                await self._record_gone(found)
        await self._pass_by(Place(folder, state.uid_validity, uids[-1]))

    async def _record(self, found: Found) -> None:
        """One that the database does not take is passed by, or nothing after it would ever be recorded."""
        try:
            is_new = await record.record(self._pool, self._inbox, found)
        except (DataError, IntegrityError) as error:
            log.error("a response could not be recorded", sender_id=self._inbox.sender_id, error=type(error).__name__)
        else:
            if is_new:
                RESPONSES[record.kind_of(found.answer)].inc()

    async def _record_gone(self, found: Found) -> None:
        """Record what was taken away between its headers and its body by its headers, unless it lies in another folder
        that is read. Of a report they say too little.
        """
        inbound, elsewhere = found.answer.inbound, [name for name in self._read_names if name != found.place.folder]
        if _OF_MACHINES & set(inbound.signs):
            return
        lies_there = False
        try:
            if inbound.message_id is not None and _SEARCHED.fullmatch(inbound.message_id):
                lies_there = await self._lies_in(elsewhere, inbound.message_id)
                await self._do(lambda session: session.examine(found.place.folder))
        finally:  # the next pass would not see it
            if not lies_there:
                await self._record(found)

    async def _fetch_headers(self, uids: Sequence[int]) -> list[Letter]:
        told = await self._do(lambda session: session.fetch(uids, "INTERNALDATE", _HEADER % HEADER_BYTES))
        letters = [
            Letter(uid, _time_of(told[uid]), _part(told[uid], b"BODY[HEADER")[:HEADER_BYTES])
            for uid in uids
            if uid in told  # others are gone meanwhile
        ]
        return [letter for letter in letters if letter.at >= self._since]

    async def _fetch_bodies(self, letters: Sequence[Letter]) -> list[Letter]:
        uids = [letter.uid for letter in letters]
        told = await self._do(lambda session: session.fetch(uids, _TEXT % BODY_BYTES))
        return [
            letter._replace(
                raw=letter.raw.rstrip(b"\r\n") + b"\r\n\r\n" + _part(told[letter.uid], b"BODY[TEXT")[:BODY_BYTES]
            )
            for letter in letters
            if letter.uid in told  # one that was moved meanwhile is found where it went
        ]

    async def _incoming(self, letters: Sequence[Letter]) -> list[Incoming]:
        """With those of the addresses in them that the mailbox's senders wrote to."""
        named = [_addresses_in(letter.raw) for letter in letters]
        every = {address for some in named for address in some}
        known = await matching.written_to(self._pool, self._inbox, every) if every else frozenset[str]()
        return [
            Incoming(letter.raw, known & {key(address) for address in some})
            for letter, some in zip(letters, named, strict=True)
        ]

    async def _read_apart(self, messages: Sequence[Incoming]) -> list[Inbound | None]:
        """Read each message. One that its reader fails at is passed by, or nothing after it would ever be read."""
        if not messages:
            return []
        try:
            return list(await apart.read_all(messages, self._inbox.workspace_id))
        except NotRead:
            if len(messages) > 1:
                return [read for one in messages for read in await self._read_apart([one])]
            log.error("a message could not be read", sender_id=self._inbox.sender_id)  # the reason may quote it
            return [None]

    async def _match(self, letters: Sequence[Letter], messages: Sequence[Inbound | None]) -> list[Answer | None]:
        together = zip(letters, messages, strict=True)
        read = [(message, letter.at) for letter, message in together if message is not None]
        answers = iter(await matching.match(self._pool, self._inbox, self._ids, self._links, read) if read else [])
        return [None if message is None else next(answers) for message in messages]

    # Doubts

    async def _look_for_doubts(self, folders: Sequence[str]) -> None:
        """Those that lie in none of the folders go again where their campaign says so. The mailbox is read by then, and
        the next pass goes on with those that this one has no time for.
        """
        left = await doubts.of_inbox(self._pool, self._inbox, self._ids) if folders else []
        states: dict[str, State] = {}  # of the folder that is open
        nowhere: list[Doubt] = []
        for doubt in left:
            try:
                copy = await self._copy_in(folders, states, doubt)
            except CutShort:
                break
            if copy is None:
                nowhere.append(doubt)
            elif await doubts.found(self._pool, self._inbox, doubt, copy):
                DOUBTS_SETTLED["sent"].inc()
        if nowhere:
            again = await doubts.not_found(self._pool, self._inbox, nowhere, self._max_attempts)
            DOUBTS_SETTLED["resent"].inc(again)

    async def _copy_in(self, folders: Sequence[str], states: dict[str, State], doubt: Doubt) -> Copy | None:
        """Raises CutShort."""
        for folder in folders:
            self._goes_on()
            if folder not in states:
                state = await self._do(lambda session, folder=folder: session.examine(folder))
                states.clear()
                states[folder] = state
            copy = await self._copy_of(doubt, folder, states[folder])
            if copy is not None:
                return copy
        return None

    async def _copy_of(self, doubt: Doubt, folder: str, state: State) -> Copy | None:
        wanted = doubt.message_id
        both = ("OR", "HEADER", "MESSAGE-ID", wanted, "HEADER", _OUR_ID, wanted)
        uids = await self._do(lambda session: session.search(*both))
        told = await self._do(lambda session: session.fetch(uids[:5], "INTERNALDATE", _IDS))
        for uid, of in sorted(told.items()):
            fields = Fields(_part(of, b"BODY[HEADER"))
            found = [*headers.ids(fields.first("message-id")), *headers.ids(fields.first(_OUR_ID.lower()))]
            if any(self._is_of(doubt, one) for one in found):
                return Copy(Place(folder, state.uid_validity, uid), _time_of(of), found[0])
        return None

    def _is_of(self, doubt: Doubt, message_id: str) -> bool:
        """Whether it is really the email's: servers find what they like."""
        whose = self._ids.whose(message_id)
        if isinstance(whose, EmailName):
            return whose == (self._inbox.workspace_id, doubt.email.id)
        return message_id == doubt.message_id.strip("<>")

    # Copies in Sent

    async def _put_copies(self, folders: Sequence[str]) -> None:
        """The mailbox is read by then, and whatever its server says to a copy changes nothing of that."""
        for email in await self._copies.due(self._inbox) if folders else ():
            try:
                self._goes_on()
                message = (
                    None
                    if await self._lies_in(folders, email.letter.message_id)
                    else await self._copies.written(self._inbox, email)
                )
            except CutShort:
                return
            except ServerTrouble as trouble:
                log.warning(
                    "copies of sent emails wait", sender_id=email.sender_id, kind=trouble.kind, code=trouble.code
                )
                log.debug("why copies of sent emails wait", sender_id=email.sender_id, reason=str(trouble))
                return
            if message is not None:
                await self._put_copy(folders[0], email, message)
            await self._copies.done(self._inbox, email)

    async def _lies_in(self, folders: Sequence[str], wanted: str) -> bool:
        for folder in folders:
            await self._do(lambda session, folder=folder: session.examine(folder))
            if await self._do(lambda session: session.search("HEADER", "MESSAGE-ID", wanted)):
                return True
        return False

    async def _put_copy(self, folder: str, email: ToCopy, message: bytes) -> None:
        """Try it once: what a server does not take, or hangs up at, it would be given again and again."""
        try:
            await self._do(lambda session: session.append(folder, message, (b"\\Seen",), email.sent_at))
        except ServerTrouble as trouble:
            log.warning("a sent email got no copy", sender_id=email.sender_id, kind=trouble.kind, code=trouble.code)
            log.debug("why a sent email got no copy", sender_id=email.sender_id, reason=str(trouble))


def _is_read(folder: Folder, *, is_gmail: bool) -> bool:
    wanted = folder.uses & _AT_GMAIL if is_gmail else not folder.uses & _NOT_READ
    return folder.can_be_opened and bool(wanted) and folder.name.isprintable()  # nobody names one otherwise


def _turn(folder: Folder) -> tuple[bool, bool]:
    """Where answers are likeliest is read first."""
    return folder.name.upper() != "INBOX" and "\\all" not in folder.uses, "\\junk" not in folder.uses


def _is_of(place: Place, state: State) -> bool:
    """Whether the place is one of this folder; a folder that was made anew may have the same UIDVALIDITY."""
    return place.uid_validity == state.uid_validity and (state.uid_next is None or place.uid < state.uid_next)


def is_at_gmail(session: Session, folders: Sequence[Folder]) -> bool:
    return any("\\all" in folder.uses for folder in folders) and session.has("X-GM-EXT-1")


def is_done(place: Place, standing: State) -> bool:
    return _is_of(place, standing) and standing.uid_next == place.uid + 1


def _addresses_in(raw: bytes) -> list[str]:
    text = raw[: 2 * HEADER_BYTES].decode("latin-1")
    return list(dict.fromkeys(found.lower() for found in headers.ADDRESS.findall(text)))[: headers.MOST_ADDRESSES]


def _may_report(message: Inbound) -> bool:
    """Whether its body may be a report on an email, by its headers."""
    is_for_many = "LIST" in message.signs
    return bool(_OF_MACHINES & set(message.signs)) or (message.kind != "REPLY" and not is_for_many)


def _part(told: dict[bytes, Any], begins: bytes) -> bytes:
    """Of a message: servers name what they give a little differently."""
    found = next((content for name, content in told.items() if name.upper().startswith(begins)), None)
    return found if isinstance(found, bytes) else b""


def _time_of(told: dict[bytes, Any]) -> datetime:
    at = told.get(b"INTERNALDATE")
    return at if isinstance(at, datetime) and at.tzinfo is not None else datetime.now(UTC)
