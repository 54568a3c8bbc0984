"""POST /api/senders/import: mailboxes of a CSV file, and combinations that are wrong before they are saved."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.senders.senders import password_place
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import api_client, authorization, wrong_fields
from tests.support.dns import NameServer
from tests.support.engine import row, rows, value

MAILBOX: dict[str, Any] = {
    "email": "sales@example.com",
    "host": "smtp.example.com",
    "username": "sales",
    "password": "hunter2",
}


async def _import(api: httpx.AsyncClient, text: str) -> dict[str, Any]:
    response = await api.post("/api/senders/import", json={"csv": text})
    assert response.status_code == 200, response.text
    return response.json()


async def test_each_row_becomes_a_sender_or_is_rejected_with_its_number_and_the_reason(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox
) -> None:
    file = (
        "\ufeffE-Mail;Host;Port;Security;Username;Password;Hourly limit;imap_host\r\n"
        'ann@example.com;smtp.example.com;465;;ann;"s3cret;word";20;imap.example.com\r\n'
        "\r\n"
        "bob@gmail.com;;;;;abcd efgh\u00a0ijkl mnop;;\r\n"
        "not an address;smtp.example.com;;;x;s3cret-x;;\r\n"
        "eve@example.com;smtp.example.com;465;starttls;eve;s3cret-y;;\r\n"
        "joe@example.com;;;;;s3cret-z;many;\r\n"
        "ANN@example.com;SMTP.example.com;587;;Ann;s3cret-v;;\r\n"
    )
    answer = await _import(api, file)
    assert [(made["row"], made["email"]) for made in answer["created"]] == [
        (2, "ann@example.com"),
        (4, "bob@gmail.com"),
    ]
    rejected = {one["row"]: one["reason"] for one in answer["rejected"]}
    assert rejected.keys() == {5, 6, 7, 8}
    assert rejected[6].startswith("security does not go with port 465")
    assert rejected[7] == "hourly_limit is not a number"
    assert rejected[8] == "email is a sender already, at this server and by this username"
    assert "s3cret" not in str(answer)
    ann, bob = [(await api.get(f"/api/senders/{made['id']}")).json() for made in answer["created"]]
    assert (ann["security"], ann["hourlyLimit"], ann["imap"]["host"]) == ("tls", 20, "imap.example.com")
    assert (bob["host"], bob["username"], bob["imap"]["host"]) == ("smtp.gmail.com", "bob@gmail.com", "imap.gmail.com")
    kept = await row(pool, "SELECT password_encrypted AS p FROM senders WHERE id = %s", bob["id"])
    assert box.open(kept["p"], password_place(bob["id"])) == "abcdefghijklmnop"
    # Each is checked, one after the other.
    jobs = await rows(pool, "SELECT args, lock FROM procrastinate_jobs WHERE task_name = 'verify_sender'")
    assert {job["args"]["sender_id"] for job in jobs} == {ann["id"], bob["id"]}
    # A file that is sent again makes nothing twice.
    assert (await _import(api, file))["created"] == []


async def test_servers_of_a_row_without_a_host_are_found_as_for_one_address(
    settings: Settings, database_url: str, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.senders.imports.MOST_DOMAINS", 3)
    records = {
        ("at-google.example", "MX"): ["1 aspmx.l.google.com."],
        ("_submissions._tcp.own.example", "SRV"): ["0 0 465 mail.own.example."],
        ("_imaps._tcp.own.example", "SRV"): ["0 0 993 mail.own.example."],
        ("_submission._tcp.hosted.example", "SRV"): ["0 0 587 mail.elsewhere.example."],
    }
    lines = ("ann@at-google.example", "bob@own.example", "joe@hosted.example", "eve@own.example", "tom@fourth.example")
    with NameServer(records) as names:
        settings = msgspec.structs.replace(settings, dns_servers=(names.address,))
        async with api_client(settings, database_url, await authorization(pool, user)) as api:
            answer = await _import(api, "email,password\n" + "".join(f"{email},s3 cret\n" for email in lines))
            made = [(await api.get(f"/api/senders/{one['id']}")).json() for one in answer["created"]]
        assert names.asked["own.example", "MX"] == 1  # once for a domain
        assert names.asked["fourth.example", "MX"] == 0  # and of so many
    assert [(one["host"], one["port"], one["security"], one["username"], one["imap"]["host"]) for one in made] == [
        ("smtp.gmail.com", 587, "starttls", "ann@at-google.example", "imap.gmail.com"),
        ("mail.own.example", 465, "tls", "bob@own.example", "mail.own.example"),
        ("mail.own.example", 465, "tls", "eve@own.example", "mail.own.example"),
    ]
    # No file confirms what a person would have to.
    rejected = {one["row"]: one["reason"] for one in answer["rejected"]}
    assert rejected.keys() == {4, 6}
    assert "confirmed by a person" in rejected[4]
    assert rejected[6] == "host is missing, and nothing tells where its servers are"


@pytest.mark.parametrize(
    "cells",
    [
        *({name: "999999999"} for name in ("port", "imap_port", "hourly_limit", "daily_limit", "least_gap_seconds")),
        *({name: "0"} for name in ("port", "imap_port", "hourly_limit", "daily_limit", "max_connections")),
        *({name: "s3cret" * 200} for name in ("host", "username", "password", "imap_host", "display_name", "email")),
        *({name: "s3\x00cret"} for name in ("host", "username", "password", "imap_host", "display_name", "email")),
        *({name: "s3\x07cret"} for name in ("host", "username", "password", "imap_host", "imap_password", "email")),
        *({name: "s3cret"} for name in ("host", "security", "imap_security", "imap_username", "imap_password")),
        {"imap_username": "ann", "imap_password": "s3cret" * 200},
        {"imap_username": "s3cret" * 200, "imap_password": "word"},
        *({name: "127.0.0.1"} for name in ("host", "imap_host")),
        {"host": "imap.s3cret.example", "password": "s3cret\u00a0"},
    ],
    ids=str,
)
async def test_a_wrong_row_of_any_kind_is_rejected_without_what_it_says(
    api: httpx.AsyncClient, cells: dict[str, str]
) -> None:
    row = {"email": "eve@example.com", "host": "smtp.example.com", "imap_host": "imap.example.com"} | MAILBOX | cells
    good = dict.fromkeys(row, "") | MAILBOX
    text = "\n".join(",".join(line) for line in (row.keys(), row.values(), good.values()))
    answer = await _import(api, text)
    assert ([made["row"] for made in answer["created"]], [one["row"] for one in answer["rejected"]]) == ([3], [2])
    assert "s3" not in str(answer)


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        (
            "sep=;\nE-mail address;SMTP host;SMTP username;App password\nann@x.example;smtp.x.example;ann;a,b\n",
            "ann",
            "a,b",
        ),
        ('email, host, username, password\nann@x.example, smtp.x.example, ann, "a, b"\n', "ann", "a, b"),
        ("password\temail\thost\r a \tann@x.example\tsmtp.x.example\t\t\r", "ann@x.example", " a "),
        (
            "from_email,from_name,host,port,security,password\nann@x.example,Ann,smtp.x.example,465,SSL,a\n",
            "ann@x.example",
            "a",
        ),
    ],
)
async def test_files_are_read_as_programs_write_them(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox, text: str, username: str, password: str
) -> None:
    (made,) = (await _import(api, text))["created"]
    kept = await row(pool, "SELECT username, password_encrypted AS p FROM senders WHERE id = %s", made["id"])
    assert (kept["username"], box.open(kept["p"], password_place(made["id"]))) == (username, password)


async def test_a_password_that_a_delimiter_cuts_off_is_not_tried(api: httpx.AsyncClient) -> None:
    text = "email,host,password\nann@x.example,smtp.x.example,s3,cret\nbob@x.example,smtp.x.example,s3cret,,\n"
    answer = await _import(api, text)
    assert [made["row"] for made in answer["created"]] == [3]
    (rejected,) = answer["rejected"]
    assert rejected["row"] == 2
    assert "more cells than the header" in rejected["reason"]
    assert "s3" not in str(answer)


async def test_a_letter_that_was_lost_on_the_way_is_no_part_of_a_password(api: httpx.AsyncClient) -> None:
    lost = "s3cr\N{LATIN SMALL LETTER E WITH ACUTE}t".encode("cp1252").decode("utf-8", "replace")
    text = f"email,host,password\nann@x.example,smtp.x.example,{lost}\nbob@x.example,smtp.x.example,s3crét\n"
    answer = await _import(api, text)
    assert [made["row"] for made in answer["created"]] == [3]
    (rejected,) = answer["rejected"]
    assert rejected == {
        "row": 2,
        "reason": "the row has a letter that was lost when the file was read: save it as CSV UTF-8",
    }


async def test_the_quota_is_kept_and_the_rest_is_told(api: httpx.AsyncClient, pool: Pool) -> None:
    lines = [f"a{number}@example.com,smtp.example.com,a{number},word" for number in range(500)]
    too_many = "email,host,username,password\n" + "\n".join([*lines, "x@example.com,smtp.example.com,x,word"])
    assert list(wrong_fields(await api.post("/api/senders/import", json={"csv": too_many}))) == ["csv"]
    assert await value(pool, "SELECT count(*) FROM senders WHERE NOT is_default") == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "host,password\nsmtp.example.com,s3cret\n",
        "email,email\na@example.com,b@example.com\n",
        "email,colour\na@example.com,red\n",
        'email,password\n"a@example.com,s3cret\n',
    ],
)
async def test_a_file_that_is_none_is_refused_whole(api: httpx.AsyncClient, text: str) -> None:
    answer = await api.post("/api/senders/import", json={"csv": text})
    assert list(wrong_fields(answer)) == ["csv"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"port": 465, "security": "starttls"}, "security"),
        ({"port": 465, "security": "none", "username": None, "password": None}, "security"),
        ({"port": 587, "security": "tls"}, "security"),
        ({"username": "sales "}, "username"),
        ({"username": "\u00a0sales"}, "username"),
        ({"password": "abcd\u00a0efgh"}, "password"),
        ({"imap": {"host": "imap.example.com", "port": 993, "security": "starttls"}}, "imap.security"),
        ({"imap": {"host": "imap.example.com", "port": 143}}, "imap.security"),
        ({"imap": {"host": "imap.example.com", "username": "x ", "password": "y"}}, "imap.username"),
    ],
)
async def test_a_wrong_combination_is_said_before_it_is_saved(
    api: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    assert list(wrong_fields(await api.post("/api/senders", json=MAILBOX | changed))) == [field]


@pytest.mark.parametrize(("host", "kept"), [("smtp.gmail.com", "abcdefgh"), ("smtp.example.com", "abcd efgh")])
async def test_blanks_are_taken_out_of_passwords_where_their_provider_prints_them(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox, host: str, kept: str
) -> None:
    made = (await api.post("/api/senders", json=MAILBOX | {"host": host, "password": "abcd efgh"})).json()
    for _ in range(2):
        stored = await row(pool, "SELECT password_encrypted AS p FROM senders WHERE id = %s", made["id"])
        assert box.open(stored["p"], password_place(made["id"])) == kept
        changed = await api.patch(f"/api/senders/{made['id']}", json={"password": "abcd efgh"})
        assert changed.status_code == 200
