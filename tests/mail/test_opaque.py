"""Message-IDs and tokens of links: ours are known again, and nobody else's is."""

from __future__ import annotations

import os
import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.opaque import EmailName, Keys, Linked, Links, MessageIds, OldName, digest

KEYS = Keys(os.urandom(32), os.urandom(32), os.urandom(32))
IDS = MessageIds(KEYS.message)
LINKS = Links("https://mail.example.com", KEYS)
WORKSPACE, EMAIL = st.integers(0, 2**40 - 1), st.integers(0, 2**48 - 1)
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


@given(WORKSPACE, EMAIL)
def test_a_message_id_leads_to_its_email(workspace_id: int, email_id: int) -> None:
    message_id = IDS.of(workspace_id, email_id, "example.com")
    assert message_id == IDS.of(workspace_id, email_id, "example.com")
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", message_id)
    for written in (message_id, message_id.upper(), message_id.strip("<>"), f" {message_id}\r\n "):
        assert IDS.whose(written) == EmailName(workspace_id, email_id)


def test_message_ids_tell_nobody_how_many_emails_there_are() -> None:
    ids = [IDS.of(7, email_id, "example.com") for email_id in range(1, 200)]
    assert len({message_id[:5] for message_id in ids}) > 150
    assert not any("reachinbox" in message_id for message_id in ids)


@given(st.one_of(st.text(), st.binary(min_size=16, max_size=16).map(lambda raw: f"<{raw.hex()}@example.com>")))
def test_what_somebody_makes_up_names_no_email(message_id: str) -> None:
    assert IDS.whose(message_id) is None


@pytest.mark.parametrize("other", [MessageIds(os.urandom(32)), MessageIds(KEYS.link)])
def test_a_message_id_of_another_installation_names_none_of_ours(other: MessageIds) -> None:
    assert IDS.whose(other.of(1, 1, "example.com")) is None


def test_an_old_message_id_is_believed_of_what_was_sent_before_the_upgrade_and_names_its_recipient() -> None:
    name = IDS.whose("<42.7.reachinbox@example.com>")
    assert name == OldName(42, 7)
    assert isinstance(name, OldName)
    before, after = SINCE - timedelta(days=1), SINCE + timedelta(days=1)
    assert name.is_believed(before, SINCE, "Ada@example.com", ["x@example.com", "ada@EXAMPLE.com"])
    assert not name.is_believed(after, SINCE, "ada@example.com", ["ada@example.com"])
    assert not name.is_believed(None, SINCE, "ada@example.com", ["ada@example.com"])
    assert not name.is_believed(before, SINCE, "ada@example.com", ["bob@example.com"])
    assert not name.is_believed(before, SINCE, "ada@example.com", [])


@given(WORKSPACE, EMAIL, st.emails())
def test_a_token_says_which_email_and_who(workspace_id: int, email_id: int, address: str) -> None:
    url = LINKS.unsubscribe(workspace_id, email_id, address)
    page, _, token = url.rpartition("/")
    assert page == "https://mail.example.com/u"
    assert re.fullmatch(r"[A-Za-z0-9_-]{58}[A-Za-z0-9]", token)
    assert LINKS.read(token) == Linked(workspace_id, email_id, digest(KEYS.address, address.upper()))


@given(st.integers(0, 58), st.sampled_from("Aa0-_"))
def test_a_token_in_which_one_sign_is_another_is_none(place: int, sign: str) -> None:
    token = LINKS.token(3, 12, "ada@example.com")
    changed = token[:place] + sign + token[place + 1 :]
    assert changed == token or LINKS.read(changed) is None


def test_a_token_is_written_in_one_way_alone() -> None:
    token = LINKS.token(3, 12, "ada@example.com")
    alike = [sign for sign in string.ascii_letters + string.digits + "-_" if LINKS.read(token[:-1] + sign)]
    assert alike == [token[-1]]


@given(st.text())
def test_what_somebody_makes_up_is_no_token(token: str) -> None:
    assert LINKS.read(token) is None


def test_a_token_of_another_installation_is_none_of_ours() -> None:
    token = Links("", KEYS._replace(link=os.urandom(32))).token(3, 12, "ada@example.com")
    assert LINKS.read(token) is None


def test_keys_show_nothing_of_themselves() -> None:
    shown = f"{KEYS} {KEYS!r} {KEYS!s}"
    assert not any(key.hex() in shown or repr(key) in shown for key in KEYS)
