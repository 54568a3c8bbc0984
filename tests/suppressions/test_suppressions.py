"""Suppressions over HTTP: added, listed, found, read from files, written to files, removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool, fetch_all
from app.domain.accounts.users import User
from app.settings import Settings
from app.sql import read_all
from tests.support.api import api_client, authorization, problem, schedule, wrong_fields
from tests.support.engine import check_conservation, execute, rows, value

QUERIES = read_all()


async def add(api: httpx.AsyncClient, *emails: str, **more: Any) -> Any:
    answer = await api.post("/api/suppressions", json={"emails": list(emails)} | more)
    assert answer.is_success, answer.text
    return answer.json()


async def listed(api: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await api.get("/api/suppressions", params=params)
    assert answer.is_success, answer.text
    return answer.json()["items"]


async def send_file(api: httpx.AsyncClient, content: str | bytes, **texts: str) -> httpx.Response:
    return await api.post("/api/suppressions", files={"file": ("stop.csv", content)}, data=texts)


async def test_addresses_and_domains_are_added_once_and_what_waits_for_them_is_cancelled(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    campaign = (await schedule(api, recipients=["ann@example.com", "bob@example.com"]))["campaign"]["id"]
    told = await add(api, "Ann@EXAMPLE.com", "ann@example.com", domains=["@Bücher.Example."], note="by phone")
    assert told == {"added": 2, "known": 0, "cancelled": 1, "rejected": []}
    again = await add(api, "ann@example.com", domains=["xn--bcher-kva.example"])
    assert again == {"added": 0, "known": 2, "cancelled": 0, "rejected": []}
    assert await check_conservation(pool, campaign) == {"SCHEDULED": 1, "CANCELLED": 1}
    found = {one["email"] or one["domain"]: one for one in await listed(api)}
    assert set(found) == {"Ann@example.com", "bücher.example"}
    one = found["Ann@example.com"]
    assert (one["reason"], one["note"], one["emailId"], one["madeBy"]) == ("MANUAL", "by phone", None, user.id)
    assert (await api.get("/api/suppressions/counts")).json() == {
        "UNSUBSCRIBED": 0,
        "BOUNCED": 0,
        "COMPLAINED": 0,
        "REPLIED_STOP": 0,
        "MANUAL": 2,
    }
    assert [entry["subject"] for entry in (await api.get("/api/audit")).json()["items"][:2]] == ["0 of 2", "2 of 2"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "emails"),
        ({"emails": ["a@example.com", "no"]}, "emails[1]"),
        ({"domains": ["a@example.com"]}, "domains[0]"),
        ({"domains": [" "]}, "domains[0]"),
        ({"domains": ["com"]}, "domains[0]"),
        ({"domains": ["*.example.com"]}, "domains[0]"),
        ({"emails": ["a@example.com"], "note": "\0"}, "note"),
        ({"emails": ["a@example.com"], "reason": "BORED"}, "reason"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_added(
    api: httpx.AsyncClient, sent: dict[str, Any], field: str
) -> None:
    assert field in wrong_fields(await api.post("/api/suppressions", json=sent))
    assert await listed(api) == []


async def test_they_are_found_by_a_part_by_reason_and_page_by_page(api: httpx.AsyncClient, pool: Pool) -> None:
    await add(api, *[f"a{number}@example.com" for number in range(5)])
    await add(api, "b_1@example.org", reason="COMPLAINED", domains=["example.net"])
    assert [one["email"] for one in await listed(api, q="B_1")] == ["b_1@example.org"]
    assert [one["domain"] for one in await listed(api, q="ample.net")] == ["example.net"]
    assert len(await listed(api, reason="COMPLAINED")) == 2
    assert await listed(api, q="a_") == []
    assert [one["domain"] for one in await listed(api, q="who@mail.example.net")] == ["example.net"]
    first = (await api.get("/api/suppressions", params={"limit": 4})).json()
    second = (await api.get("/api/suppressions", params={"limit": 4, "cursor": first["nextCursor"]})).json()
    assert second["nextCursor"] is None
    assert len({one["id"] for one in first["items"] + second["items"]}) == 7
    await execute(pool, "UPDATE suppressions SET name = NULL WHERE name = 'a3@example.com'")
    (erased,) = await listed(api, q=" A3@example.com ")
    assert (erased["email"], erased["domain"]) == (None, None)


@pytest.mark.parametrize(
    "q",
    ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "*@bücher.example.", "a@xn--bcher-kva.example"],
)
async def test_a_domain_is_found_however_it_is_written(api: httpx.AsyncClient, q: str) -> None:
    await add(api, "b@example.com", domains=["*@bücher.example"])
    assert [one["domain"] for one in await listed(api, q=q)] == ["bücher.example"]


@pytest.mark.parametrize("name", ["page_of_suppressions", "suppressions_after"])
async def test_what_is_sought_has_its_digest_made_once_and_not_for_each_row(pool: Pool, user: User, name: str) -> None:
    """A digest for each row took fourteen times as long: seconds, of a million."""
    page = {"before": None, "after": 0, "limit": 51, "reason": None}
    sought = {"workspace_id": user.workspace_id, "q": "%nobody%", "whole": "nobody@example.com"}
    async with pool.connection() as conn:
        found = await fetch_all(conn, b"EXPLAIN (VERBOSE) " + QUERIES[name], page | sought)
    (condition,) = [line for row in found if "Filter: " in (line := row["QUERY PLAN"])]
    assert "digest" not in condition, condition


async def test_a_file_is_added_in_batches_with_domains_and_reasons_of_its_rows(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    lines = ["email,reason,source", *(f"r{number}@example.com,,x" for number in range(2_500))]
    lines += [
        "gone@example.com,bounced,x",
        "@example.org,,x",
        "nonsense,,x",
        "whole.example.com,,x",
        "'@example.net,,x",
        "*@example.info,bounced,x",
    ]
    answer = await send_file(api, "\n".join(lines), reason="COMPLAINED", note="from the old tool")
    assert answer.is_success, answer.text
    told = answer.json()
    assert (told["added"], told["known"], [one["row"] for one in told["rejected"]]) == (2_504, 0, [2_504, 2_505])
    assert told["rejected"][1]["reason"].endswith("All addresses of a domain are *@whole.example.com.")
    assert (await api.get("/api/suppressions/counts")).json() | {"COMPLAINED": 2_502, "BOUNCED": 2} == (
        await api.get("/api/suppressions/counts")
    ).json()
    assert {one["domain"] for one in await listed(api, q="example.")} >= {"example.org", "example.net", "example.info"}


async def test_an_export_can_be_added_elsewhere_and_lacks_who_was_erased(api: httpx.AsyncClient, pool: Pool) -> None:
    await add(api, "=a@example.com", "b@example.com", domains=["example.org"], reason="UNSUBSCRIBED", note='say "no"')
    await add(api, "gone@example.com")
    await execute(pool, "UPDATE suppressions SET name = NULL WHERE name = 'gone@example.com'")
    exported = (await api.get("/api/suppressions/export")).text
    assert sorted(line.split(",")[:2] for line in exported.splitlines()) == [
        ["'=a@example.com", "UNSUBSCRIBED"],
        ["*@example.org", "UNSUBSCRIBED"],
        ["b@example.com", "UNSUBSCRIBED"],
        ["email", "reason"],
    ]
    before = await rows(pool, "SELECT key, kind FROM suppressions WHERE name IS NOT NULL ORDER BY key")
    await execute(pool, "DELETE FROM suppressions")
    assert (await send_file(api, exported)).json()["added"] == 3
    assert await rows(pool, "SELECT key, kind FROM suppressions ORDER BY key") == before
    assert (await api.get("/api/suppressions/export", params={"q": "b@", "spreadsheet": "true"})).text.count("\n") == 2


async def test_a_file_loses_no_address_of_a_cell_and_none_of_the_operators_network(
    settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    allowed = msgspec.structs.replace(settings, allow_internal_domains=("corp.local",))
    async with api_client(allowed, database_url, await authorization(pool, user)) as api:
        cells = ["email,name", '"a@example.com; b@example.com",x', "Ops@corp.local,y", "*@sub.corp.local,z"]
        told = (await send_file(api, "\n".join(cells))).json()
        assert (told["added"], told["rejected"]) == (4, [])
        exported = (await api.get("/api/suppressions/export")).text
        assert (await send_file(api, exported)).json() | {"known": 4} == told | {"added": 0, "known": 4}
    names = await rows(pool, 'SELECT name FROM suppressions ORDER BY name COLLATE "C"')
    assert [one["name"] for one in names] == ["Ops@corp.local", "a@example.com", "b@example.com", "sub.corp.local"]


async def test_a_file_loses_nobody_whatever_stands_beside_them(api: httpx.AsyncClient, pool: Pool) -> None:
    many = [f"m{number}@example.com" for number in range(30)]
    cells = [
        "email,reason",
        '"a@example.com, b@example.com; Cy <c@example.com>",',
        f'"{"; ".join(many)}",',
        '"d@example.com, e@exa_mple.com, *@example.org",',
        "ops@intranet,",  # which an export has of a network that was the operator's
        f'f@example.com,"{"x" * 20_000}"',
    ]
    told = (await send_file(api, "\n".join(cells))).json()
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(4, "e@exa_mple.com")]
    found = {one["name"] for one in await rows(pool, "SELECT name FROM suppressions")}
    assert found == {*many, *(f"{one}@example.com" for one in "abcdf"), "example.org", "ops@intranet"}


@pytest.mark.parametrize(
    ("cell", "name", "part"),
    [
        ("jo @gmail.com, bo@gmail.com", "bo@gmail.com", "@gmail.com"),
        ("Jo @gmail.com; bo@gmail.com", "bo@gmail.com", "@gmail.com"),
        ("Anna Lee @acme.com, Inc <jo@acme.com>", "jo@acme.com", "@acme.com"),
        ("bo@gmail.com; *@intranet", "bo@gmail.com", "*@intranet"),
    ],
)
async def test_a_slip_in_a_cell_suppresses_no_domain(
    api: httpx.AsyncClient, pool: Pool, cell: str, name: str, part: str
) -> None:
    told = (await send_file(api, f'email\n"{cell}"\n')).json()
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(2, part)]
    assert await rows(pool, "SELECT kind, name FROM suppressions") == [{"kind": "ADDRESS", "name": name}]


@pytest.mark.parametrize(
    "cell",
    ["*@com", "@com", "'@com", "*@", "*@*.org", "*@a@b.org", "*@co.uk", "@CO.UK.", "*@com.br", "@or.jp", "*@gov.uk"],
)
async def test_what_is_no_domain_suppresses_none(api: httpx.AsyncClient, pool: Pool, cell: str) -> None:
    told = (await send_file(api, f"email\n{cell}\n")).json()
    assert (told["added"], [one["row"] for one in told["rejected"]]) == (0, [2])
    assert await value(pool, "SELECT count(*) FROM suppressions") == 0


async def test_a_domain_below_which_everybody_registers_is_not_suppressed(api: httpx.AsyncClient, pool: Pool) -> None:
    told = (await send_file(api, "email\n*@co.uk\n*@example.co.uk\nann@co.uk\n*@co.de\n*@go.com\n*@gov.si\n")).json()
    assert [(one["email"], one["reason"]) for one in told["rejected"]] == [
        ("*@co.uk", "Below co.uk are everybody's domains; give one of them, such as example.co.uk.")
    ]
    found = {one["name"] for one in await rows(pool, "SELECT name FROM suppressions")}
    assert found == {"example.co.uk", "ann@co.uk", "co.de", "go.com", "gov.si"}
    refused = await api.post("/api/suppressions", json={"domains": ["example.org", "com.br"]})
    assert list(wrong_fields(refused)) == ["domains[1]"]
    assert len((await api.get("/api/suppressions", params={"q": "co.uk"})).json()["items"]) == 2


async def test_of_a_torn_row_the_address_is_added_and_what_is_lost_is_told(api: httpx.AsyncClient, pool: Pool) -> None:
    text = 'email,note\na@example.com,"Pipe 5"",x\nb@example.com,x\nc@example.com,"y",z\nd@example.com,ok\n'
    told = (await send_file(api, text)).json()
    assert [one["row"] for one in told["rejected"]] == [2]
    assert "3 lines, and nobody on them is read" in told["rejected"][0]["reason"]
    found = {one["name"] for one in await rows(pool, "SELECT name FROM suppressions")}
    assert found == {"a@example.com", "d@example.com"}
    told = (await send_file(api, 'email,note\nno address,"Pipe 5"",x\n"y"\nj**@example.com,z\n')).json()
    assert [one["row"] for one in told["rejected"]] == [2, 3]
    assert told["added"] == 0


async def test_the_reason_of_a_row_counts_whatever_its_address_is(api: httpx.AsyncClient, pool: Pool) -> None:
    lines = [
        "email,reason,note",
        "ops@intranet,unsubscribed,",
        "@example.org,complained,",
        f"a@b.com,bounced,{'x' * 20_000}",
    ]
    told = (await send_file(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (3, [])
    found = {one["name"]: one["reason"] for one in await rows(pool, "SELECT name, reason FROM suppressions")}
    assert found == {"ops@intranet": "UNSUBSCRIBED", "example.org": "COMPLAINED", "a@b.com": "BOUNCED"}


@pytest.mark.parametrize("reasons", [("manual", "unsubscribed"), ("unsubscribed", "bounced")])
async def test_of_an_address_that_a_file_has_twice_the_stronger_reason_counts(
    api: httpx.AsyncClient, pool: Pool, reasons: tuple[str, str]
) -> None:
    first, second = reasons
    told = (await send_file(api, f"email,reason\na@example.com,{first}\nA@example.com,{second}\n")).json()
    assert (told["added"], told["rejected"]) == (1, [])
    assert await value(pool, "SELECT reason FROM suppressions") == "UNSUBSCRIBED"


async def test_an_internal_domain_is_one_however_it_is_written(
    settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    allowed = msgspec.structs.replace(settings, allow_internal_domains=("xn--bcher-kva.de", "xn--bcher-kva.local"))
    async with api_client(allowed, database_url, await authorization(pool, user)) as api:
        await add(api, domains=["bücher.de", "xn--bcher-kva.local"])
        told = await schedule(
            api, recipients=["a@xn--bcher-kva.de", "a@bücher.de", "a@bücher.local", "a@xn--bcher-kva.local", "b@x.de"]
        )
    assert (told["accepted"], told["suppressed"], told["duplicates"]) == (1, 2, 2)


async def test_a_file_weakens_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    await add(api, "a@example.com", reason="UNSUBSCRIBED")
    told = (await send_file(api, "email,reason\na@example.com,manual\n")).json()
    assert (told["added"], told["known"]) == (0, 1)
    assert await value(pool, "SELECT reason FROM suppressions") == "UNSUBSCRIBED"


async def test_one_is_removed_with_a_word_why(api: httpx.AsyncClient, pool: Pool) -> None:
    await add(api, "a@example.com")
    (one,) = await listed(api)
    path = f"/api/suppressions/{one['id']}"
    problem(await api.delete(path, params={"why": "in a log"}), 422)
    assert "why" in wrong_fields(await api.request("DELETE", path, json={"why": " "}))
    assert (await api.request("DELETE", path, json={"why": "asked us by phone"})).status_code == 204
    problem(await api.request("DELETE", path, json={"why": "again"}), 404)
    entry = (await api.get("/api/audit")).json()["items"][0]
    assert (entry["action"], entry["subject"]) == (
        "suppression.removed",
        f"suppressions/{one['id']} (MANUAL): asked us by phone",
    )
    assert (await schedule(api, recipients=["a@example.com"]))["accepted"] == 1


async def test_those_of_a_campaign_or_since_a_time_are_removed_at_once_and_own_wishes_stay(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    for reason in ("BOUNCED", "MANUAL", "UNSUBSCRIBED", "COMPLAINED", "REPLIED_STOP"):
        await add(api, *(f"{reason}{number}@example.com" for number in range(3)), reason=reason)
    await add(api, *(f"n{number}@example.com" for number in range(2_500)), reason="BOUNCED")
    await execute(pool, "UPDATE suppressions SET campaign_id = 7 WHERE strpos(name, '0@') > 0")
    await execute(
        pool, "UPDATE suppressions SET created_at = now() - interval '2 days' WHERE starts_with(name, 'BOUNCED')"
    )
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    async def remove(**which: Any) -> httpx.Response:
        return await api.post("/api/suppressions/remove", json={"why": "a relay refused all"} | which)

    assert "since" in wrong_fields(await remove(reason="BOUNCED"))
    assert "campaignId" in wrong_fields(await remove(reason="BOUNCED", campaignId=2**63))
    assert "reason" in wrong_fields(await remove(reason="UNSUBSCRIBED", since=since))
    assert "why" in wrong_fields(await remove(reason="BOUNCED", since=since, why=" "))
    assert (await remove(reason="BOUNCED", campaignId=7, since=since)).json() == {"removed": 250}
    assert (await remove(reason="BOUNCED", since=since)).json() == {"removed": 2_250}
    assert (await remove(reason="BOUNCED", campaignId=7)).json() == {"removed": 1}
    assert (await remove(reason="MANUAL", campaignId=8)).json() == {"removed": 0}
    left = {"UNSUBSCRIBED": 3, "BOUNCED": 2, "COMPLAINED": 3, "REPLIED_STOP": 3, "MANUAL": 3}
    assert (await api.get("/api/suppressions/counts")).json() == left
    told = [
        one["subject"]
        for one in (await api.get("/api/audit")).json()["items"]
        if one["action"] == "suppressions.removed"
    ]
    assert (told[0], len(told)) == ("1 BOUNCED of campaigns/7: a relay refused all", 5)
