"""/api/saved-lists: lists kept by name, grown, filtered for a campaign, exported, erased."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.recipients import saved_lists
from app.settings import Settings
from tests.support.api import Headers, api_client, authorization, problem, wrong_fields
from tests.support.engine import rows, value, wait_until_blocked
from tests.support.waiting import BOUND_S

URL = "/api/saved-lists"


async def create(api: httpx.AsyncClient, name: str = "Customers", **about: str) -> int:
    response = await api.post(URL, json={"name": name, **about})
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def grow(api: httpx.AsyncClient, list_id: int, *recipients: object, **more: object) -> dict[str, Any]:
    body = more or {"recipients": recipients}
    response = await api.post(f"{URL}/{list_id}/recipients", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def kept(api: httpx.AsyncClient, list_id: int, **query: str) -> list[tuple[str, dict[str, str]]]:
    response = await api.get(f"{URL}/{list_id}/recipients", params=query)
    assert response.status_code == 200, response.text
    return [(each["email"], each["fields"]) for each in response.json()["items"]]


def campaign(list_id: int, *conditions: dict[str, Any]) -> dict[str, object]:
    return {"subject": "Hello", "body": "A text.", "savedListId": list_id, "filter": list(conditions)}


async def sent_to(api: httpx.AsyncClient, pool: Pool, body: dict[str, object]) -> list[str]:
    response = await api.post("/api/campaigns/schedule", json=body)
    assert response.status_code == 201, response.text
    found = await rows(
        pool, "SELECT recipient FROM emails WHERE campaign_id = %s ORDER BY id", response.json()["campaign"]["id"]
    )
    return [row["recipient"] for row in found]


PEOPLE = (
    {"email": "ann@example.com", "name": "Ann", "City": "Rome"},
    {"email": "bob@example.com", "name": "Bob", "City": "Oslo"},
    {"email": "cy@example.com", "name": "Cy"},
)


async def test_a_list_says_what_it_is_for_and_where_it_comes_from(api: httpx.AsyncClient) -> None:
    list_id = await create(api, purpose="Order news", source="Shop, opt-in of 2026")
    changed = await api.patch(f"{URL}/{list_id}", json={"purpose": None, "name": "Buyers"})
    assert changed.status_code == 200
    one = (await api.get(f"{URL}/{list_id}")).json()
    assert (one["name"], one["purpose"], one["source"], one["recipients"]) == (
        "Buyers",
        None,
        "Shop, opt-in of 2026",
        0,
    )
    assert [each["name"] for each in (await api.get(URL)).json()["items"]] == ["Buyers"]


async def test_names_are_their_own_and_there(api: httpx.AsyncClient) -> None:
    first, second = await create(api, "A"), await create(api, "B")
    assert "another name" in problem(await api.post(URL, json={"name": "A"}), 409)["detail"]
    assert "another name" in problem(await api.patch(f"{URL}/{second}", json={"name": "A"}), 409)["detail"]
    assert (await api.patch(f"{URL}/{first}", json={"name": "A"})).status_code == 200
    assert list(wrong_fields(await api.post(URL, json={"name": "  "}))) == ["name"]
    assert list(wrong_fields(await api.post(URL, json={"name": "C", "purpose": "\0"}))) == ["purpose"]
    for path in (f"{URL}/99", f"{URL}/99/recipients", f"{URL}/99/export"):
        problem(await api.get(path), 404)
    problem(await api.post(f"{URL}/99/recipients", json={"recipients": ["a@example.com"]}), 404)


async def test_it_grows_and_the_same_mailbox_has_its_fields_updated(api: httpx.AsyncClient) -> None:
    list_id = await create(api)
    grown = await grow(api, list_id, *PEOPLE, "nobody", "ANN@example.com")
    assert (grown["added"], grown["updated"], grown["duplicates"], len(grown["rejected"])) == (3, 0, 1, 1)
    assert (grown["list"]["recipients"], grown["list"]["fields"]) == (3, ["city", "name"])
    again = await grow(
        api,
        list_id,
        {"email": "Ann@Example.com", "name": "Anna", "city": ""},
        {"email": "bob@example.com", "name": "Bob"},
        {"email": "di@example.com", "plan": "pro"},
    )
    assert (again["added"], again["updated"], again["list"]["recipients"]) == (1, 1, 4)
    assert await kept(api, list_id) == [
        ("ann@example.com", {"name": "Anna", "city": "Rome"}),
        ("bob@example.com", {"name": "Bob", "city": "Oslo"}),
        ("cy@example.com", {"name": "Cy"}),
        ("di@example.com", {"plan": "pro"}),
    ]


async def test_it_grows_by_an_uploaded_file(api: httpx.AsyncClient) -> None:
    list_id = await create(api)
    content = "Name;Mail\nJiří;Jiří <jiri@example.com>\nEva;eva@gmial.com\n".encode("cp1250")
    file = {"file": ("x.csv", content, "text/csv")}
    uploaded = (await api.post("/api/lists", files=file)).json()
    grown = await grow(api, list_id, listId=uploaded["id"], correctDomains={"gmial.com": "gmail.com"})
    assert (grown["added"], grown["repaired"], grown["suspects"]) == (2, 2, 0)
    assert await kept(api, list_id) == [("jiri@example.com", {"name": "Jiří"}), ("eva@gmail.com", {"name": "Eva"})]


async def test_a_preview_says_what_a_file_would_do_and_does_nothing(api: httpx.AsyncClient) -> None:
    list_id = await create(api)
    await grow(api, list_id, "ann@example.com")
    content = b"Owner;Mail\nboss@example.com;ann@example.com\nboss@example.com;<bob@gmial.com>\n"
    uploaded = (await api.post("/api/lists", files={"file": ("p.csv", content)})).json()
    named = {"listId": uploaded["id"], "columns": {"email": 1, "hasHeader": True, "fields": ["chef", ""]}}
    before = (await api.get(f"{URL}/{list_id}")).json()
    for _ in range(2):
        seen = await grow(api, list_id, **named, preview=True)
        assert (seen["added"], seen["updated"], seen["repaired"], seen["suspects"]) == (1, 1, 1, 1)
        assert seen["list"]["fields"] == ["chef"]
    assert (await api.get(f"{URL}/{list_id}")).json() == before
    await grow(api, list_id, **named)
    assert await kept(api, list_id) == [
        ("ann@example.com", {"chef": "boss@example.com"}),
        ("bob@gmial.com", {"chef": "boss@example.com"}),
    ]


async def test_all_or_nothing(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    list_id = await create(api)
    await grow(api, list_id, "ann@example.com")
    response = await api.post(f"{URL}/{list_id}/recipients", json={"recipients": ["nobody"]})
    assert list(wrong_fields(response)) == ["recipients"]
    monkeypatch.setattr(saved_lists, "MOST_RECIPIENTS", 2)
    problem(await api.post(f"{URL}/{list_id}/recipients", json={"recipients": ["b@example.com", "c@example.com"]}), 409)
    wide = {"email": "b@example.com", **{f"f{n}": "x" for n in range(150)}}
    await grow(api, list_id, wide)
    other = {"email": "b@example.com", **{f"g{n}": "x" for n in range(150)}}
    problem(await api.post(f"{URL}/{list_id}/recipients", json={"recipients": [other]}), 409)
    assert [email for email, _ in await kept(api, list_id)] == ["ann@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("condition", "who"),
    [
        ({"field": "city", "is": "equals", "values": ["rome", " OSLO "]}, ["ann@example.com", "bob@example.com"]),
        ({"field": "city", "is": "not", "values": ["Rome"]}, ["bob@example.com", "cy@example.com"]),
        ({"field": "city", "is": "empty"}, ["cy@example.com"]),
        ({"field": "city", "is": "filled"}, ["ann@example.com", "bob@example.com"]),
        ({"field": "name", "is": "contains", "values": ["B", "y"]}, ["bob@example.com", "cy@example.com"]),
        ({"field": "email", "is": "contains", "values": ["nn@"]}, ["ann@example.com"]),
    ],
)
async def test_a_campaign_takes_those_who_fit(
    api: httpx.AsyncClient, pool: Pool, condition: dict[str, Any], who: list[str]
) -> None:
    list_id = await create(api)
    await grow(api, list_id, *PEOPLE)
    assert await sent_to(api, pool, campaign(list_id, condition)) == who
    counted = await api.post(f"{URL}/{list_id}/count", json={"filter": [condition]})
    assert counted.json() == {"recipients": len(who)}
    both = campaign(list_id, condition, {"field": "name", "is": "equals", "values": [who[0][:3].rstrip("@")]})
    assert (await api.post("/api/campaigns/preview", json=both)).json()["accepted"] == 1


BLANKS = (" ", "\t", "\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u2800", "\u001f", "\u0085")


@pytest.mark.parametrize("blank", BLANKS)
async def test_blanks_of_any_kind_are_no_difference_to_a_filter(api: httpx.AsyncClient, blank: str) -> None:
    list_id = await create(api)
    blanks = {"email": "cy@example.com", "city": f"{blank} {blank}"}
    await grow(api, list_id, {"email": "ann@example.com", "city": f"{blank}Rome {blank}"}, blanks)
    for condition, count in (
        ({"is": "equals", "values": ["rome"]}, 1),
        ({"is": "equals", "values": [f"{blank}ROME"]}, 1),
        ({"is": "not", "values": ["rome"]}, 1),
        ({"is": "filled"}, 1),
        ({"is": "empty"}, 1),
        ({"is": "contains", "values": [f"om{blank}"]}, 1),
    ):
        counted = await api.post(f"{URL}/{list_id}/count", json={"filter": [{"field": "city", **condition}]})
        assert counted.json() == {"recipients": count}, condition


async def test_a_later_change_of_the_list_changes_nothing_that_is_owed(api: httpx.AsyncClient, pool: Pool) -> None:
    list_id = await create(api)
    await grow(api, list_id, *PEOPLE)
    assert len(await sent_to(api, pool, campaign(list_id))) == 3
    await grow(api, list_id, {"email": "ann@example.com", "name": "Other"}, "late@example.com")
    assert (await api.delete(f"{URL}/{list_id}")).status_code == 204
    fields = await rows(pool, "SELECT recipient, fields FROM emails ORDER BY id")
    assert [(row["recipient"], row["fields"].get("name")) for row in fields] == [
        ("ann@example.com", "Ann"),
        ("bob@example.com", "Bob"),
        ("cy@example.com", "Cy"),
    ]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"savedListId": 99}, "savedListId"),
        ({"recipients": ["a@example.com"]}, "savedListId"),
        ({"filter": [{"field": "plan", "is": "filled"}]}, "filter[0].field"),
        ({"filter": [{"field": "city", "is": "equals"}]}, "filter[0].values"),
        ({"filter": [{"field": "city", "is": "empty", "values": ["x"]}]}, "filter[0].values"),
        ({"filter": [{"field": "city", "is": "equals", "values": ["\0"]}]}, "filter[0]"),
        ({"filter": [{"field": "city", "is": "contains", "values": ["Ro", "\u00a0"]}]}, "filter[0].values"),
        ({"filter": [{"field": "city", "is": "filled"}] * 21}, "filter"),
        ({"filter": [{"field": "city", "is": "equals", "values": ["Paris"]}]}, "recipients"),
    ],
)
async def test_what_names_nobody_is_refused(api: httpx.AsyncClient, part: dict[str, object], field: str) -> None:
    list_id = await create(api)
    await grow(api, list_id, *PEOPLE)
    for call in ("preview", "schedule"):
        response = await api.post(f"/api/campaigns/{call}", json={**campaign(list_id), **part})
        assert list(wrong_fields(response)) == [field]
    alone = {"subject": "s", "body": "b", "recipients": ["a@example.com"], "filter": []}
    assert list(wrong_fields(await api.post("/api/campaigns/preview", json=alone))) == ["filter"]


async def test_its_export_can_be_read_again(api: httpx.AsyncClient) -> None:
    list_id = await create(api)
    odd = {"email": "+tag@example.com", "phone": "+49 170 1", "note": "=1+1", "say": "'quoted'", "city": 'Zoë, "x"\ny'}
    await grow(api, list_id, odd, {"email": "-ann@example.com", "phone": "-", "note": "@home"})
    guarded = {"phone": "'+49", "note": "\tx", "say": "''=1", "city": "\rx", "name": "'", "2024": "'tis"}
    await grow(api, list_id, {"email": "bob@example.com", **guarded})
    for query in ({}, {"spreadsheet": "true"}):
        exported = await api.get(f"{URL}/{list_id}/export", params=query)
        assert exported.content.startswith(b"\xef\xbb\xbf") is bool(query)
        copy = await create(api, f"Copy {query}")
        uploaded = (await api.post("/api/lists", files={"file": ("x.csv", exported.content, "text/csv")})).json()
        await grow(api, copy, listId=uploaded["id"])
        assert await kept(api, copy) == await kept(api, list_id)


async def test_pages_and_search(api: httpx.AsyncClient) -> None:
    list_id = await create(api)
    await grow(api, list_id, *(f"a{n}@example.com" for n in range(5)))
    page = (await api.get(f"{URL}/{list_id}/recipients", params={"limit": 2})).json()
    rest = await kept(api, list_id, cursor=page["nextCursor"])
    assert [email for email, _ in rest] == ["a2@example.com", "a3@example.com", "a4@example.com"]
    assert [email for email, _ in await kept(api, list_id, q="A3")] == ["a3@example.com"]
    assert (await api.delete(f"{URL}/{list_id}/recipients", params={"email": "A3@example.com"})).status_code == 204
    problem(await api.delete(f"{URL}/{list_id}/recipients", params={"email": "a3@example.com"}), 404)
    assert (await api.get(f"{URL}/{list_id}")).json()["recipients"] == 4


async def test_whoever_is_erased_is_in_no_list_and_whoever_asks_is_told(api: httpx.AsyncClient, pool: Pool) -> None:
    first = await create(api, "A", purpose="News", source="Shop")
    await grow(api, first, *PEOPLE)
    await grow(api, await create(api, "B"), "ANN@example.com", "x@example.com")
    told = (await api.get("/api/recipients/export", params={"email": "ann@example.com"})).json()
    assert [(each["name"], each["purpose"], each["source"], each["fields"]) for each in told["savedLists"]] == [
        ("A", "News", "Shop", {"name": "Ann", "city": "Rome"}),
        ("B", None, None, {}),
    ]
    erased = (await api.post("/api/recipients/erase", json={"email": "ann@example.com"})).json()
    assert erased["savedLists"] == 2
    assert await value(pool, "SELECT count(*) FROM saved_recipients WHERE mailbox = 'ann@example.com'") == 0
    assert [each["recipients"] for each in (await api.get(URL)).json()["items"]] == [1, 2]


async def test_whoever_is_erased_while_a_list_grows_is_in_none_afterwards(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either waited for a row of the other's, and whom a list was about to take stayed in it."""
    known, new = await create(api, "A"), await create(api, "B")
    await grow(api, known, *PEOPLE)
    staged, let_go = asyncio.Event(), asyncio.Event()
    stage = saved_lists._stage  # pyright: ignore[reportPrivateUsage] -- held between the lock and the merge

    async def held(*args: Any) -> int:
        size = await stage(*args)
        staged.set()
        await let_go.wait()
        return size

    monkeypatch.setattr(saved_lists, "_stage", held)
    for list_id in (known, new):
        staged.clear()
        let_go.clear()
        growing = asyncio.create_task(grow(api, list_id, {"email": "ann@example.com", "name": "Anna"}))
        await asyncio.wait_for(staged.wait(), BOUND_S)
        erasing = asyncio.create_task(api.post("/api/recipients/erase", json={"email": "ann@example.com"}))
        await wait_until_blocked(pool)
        let_go.set()
        assert (await growing)["list"]["recipients"] in {1, 3}
        assert (await erasing).json()["savedLists"] == 1
        assert await value(pool, "SELECT count(*) FROM saved_recipients WHERE mailbox = 'ann@example.com'") == 0
    assert [each["recipients"] for each in (await api.get(URL)).json()["items"]] == [0, 2]


async def test_a_recipient_of_an_internal_domain_can_be_taken_out(
    settings: Settings, database_url: str, user: User, pool: Pool
) -> None:
    allowed = msgspec.structs.replace(settings, allow_internal_domains=("corp.local",))
    async with api_client(allowed, database_url, await authorization(pool, user)) as api:
        list_id = await create(api)
        await grow(api, list_id, "ops@corp.local", "ann@example.com")
    async with api_client(settings, database_url, await authorization(pool, user)) as api:  # no longer allowed
        gone = await api.delete(f"{URL}/{list_id}/recipients", params={"email": "Ops@Corp.local"})
        assert gone.status_code == 204, gone.text
        assert [email for email, _ in await kept(api, list_id)] == ["ann@example.com"]


async def test_nobody_sees_the_lists_of_others(api: httpx.AsyncClient, stranger: Headers) -> None:
    list_id = await create(api)
    await grow(api, list_id, *PEOPLE)
    as_stranger: dict[str, Any] = {"headers": stranger}
    assert (await api.get(URL, **as_stranger)).json()["items"] == []
    problem(await api.get(f"{URL}/{list_id}/recipients", **as_stranger), 404)
    problem(await api.get(f"{URL}/{list_id}/export", **as_stranger), 404)
    problem(await api.delete(f"{URL}/{list_id}", **as_stranger), 404)
    grown = {"recipients": ["a@example.com"]}
    problem(await api.post(f"{URL}/{list_id}/recipients", json=grown, **as_stranger), 404)
    response = await api.post("/api/campaigns/preview", json=campaign(list_id), **as_stranger)
    assert list(wrong_fields(response)) == ["savedListId"]
    assert len(await kept(api, list_id)) == 3


async def test_what_it_stores_counts_toward_the_quota(
    settings: Settings, database_url: str, user: User, pool: Pool
) -> None:
    small = msgspec.structs.replace(settings, quota_stored_megabytes=1)
    async with api_client(small, database_url, await authorization(pool, user)) as api:
        list_id = await create(api)
        many = [{"email": f"a{n}@example.com", "note": "x" * 9_000} for n in range(120)]
        response = await api.post(f"{URL}/{list_id}/recipients", json={"recipients": many})
        assert "QUOTA_STORED_MEGABYTES" in problem(response, 409)["detail"]
        await grow(api, list_id, *many[:60])
        assert (await api.get(f"{URL}/{list_id}")).json()["size"] > 500_000
        response = await api.post(f"{URL}/{list_id}/recipients", json={"recipients": many[60:]})
        assert "QUOTA_STORED_MEGABYTES" in problem(response, 409)["detail"]
    assert await value(pool, "SELECT count(*) FROM saved_recipients") == 60
