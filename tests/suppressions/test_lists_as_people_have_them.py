"""Lists of whom to write to no more, as people and other programs have them: nobody on them is lost unsaid."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.suppressions import suppressions
from tests.support.api import wrong_fields
from tests.support.engine import rows
from tests.support.workbooks import xlsx

ANN, BOB = "ann@example.com", "bob@example.com"


async def send(api: httpx.AsyncClient, content: str | bytes) -> httpx.Response:
    return await api.post("/api/suppressions", files={"file": ("stop.csv", content)})


async def names(pool: Pool) -> list[Any]:
    return [row["name"] for row in await rows(pool, 'SELECT name FROM suppressions ORDER BY name COLLATE "C"')]


@pytest.mark.parametrize("first", ["@example.org", "*@example.org", "'@example.org", " *@Example.org "])
async def test_a_domain_on_the_first_line_is_no_header(api: httpx.AsyncClient, pool: Pool, first: str) -> None:
    assert (await send(api, f"{first}\n{ANN}\n{BOB}\n")).json()["added"] == 3
    assert await names(pool) == [ANN, BOB, "example.org"]


async def test_a_domain_above_what_looks_like_a_header_is_no_title(api: httpx.AsyncClient, pool: Pool) -> None:
    told = (await send(api, f"@example.org\nemail,reason\n{ANN},manual\n")).json()
    assert (await names(pool), [one["row"] for one in told["rejected"]]) == ([ANN, "example.org"], [2, 3])


@pytest.mark.parametrize("first", ["example.org", "ann@@example.com", "who@", "shop.example.org;"])
async def test_a_first_line_that_may_be_meant_is_rejected_with_its_reason(
    api: httpx.AsyncClient, pool: Pool, first: str
) -> None:
    told = (await send(api, f"{first}\n{ANN}\n{BOB}\n")).json()
    assert [one["row"] for one in told["rejected"]] == [1]
    assert await names(pool) == [ANN, BOB]


@pytest.mark.parametrize("first", ["email", "E-Mail Adr.", "contact.email", "Do not mail"])
async def test_a_header_is_one(api: httpx.AsyncClient, first: str) -> None:
    assert (await send(api, f"{first}\n{ANN}\n")).json() | {"cancelled": 0} == {
        "added": 1,
        "known": 0,
        "cancelled": 0,
        "rejected": [],
    }


@pytest.mark.parametrize("second", [[["Email"], [BOB]], [["Domain"], ["*@example.org"]]])
@pytest.mark.parametrize("hidden", [(), ("Bounced",)])
async def test_a_workbook_with_a_second_sheet_of_them_is_refused(
    api: httpx.AsyncClient, pool: Pool, second: list[list[str]], hidden: tuple[str, ...]
) -> None:
    """One of them alone was read, and nothing said so."""
    first = [["Email"], [ANN]]
    book = xlsx({"Notes": [["About"]], "Opted out": first, "Bounced": second}, hidden=hidden)
    refused = wrong_fields(await send(api, book))["file"]
    assert "Opted out" in refused
    assert "Bounced" in refused
    assert await names(pool) == []
    assert (await send(api, xlsx({"Opted out": first, "Notes": [["About"], ["old"]]}))).json()["added"] == 1


async def test_a_table_with_a_second_column_of_them_is_refused(api: httpx.AsyncClient, pool: Pool) -> None:
    lines = ["Name,Email,Other email", f"Ann,{ANN},ann@example.org", "Bob,bob@example.com,"]
    refused = wrong_fields(await send(api, "\n".join(lines)))["file"]
    assert "Email" in refused
    assert "other_email" in refused
    assert await names(pool) == []
    assert (await send(api, f"Email,Domain\n{ANN},*@example.org\n")).status_code == 422
    # A login that is the address, and what an export of ours has beside it, are no second column.
    told = (await send(api, f"Email,Login,note\n{ANN},{ANN.upper()},boss@example.net\n")).json()
    assert (told["added"], told["rejected"]) == (1, [])


async def test_an_address_in_another_cell_is_told(api: httpx.AsyncClient, pool: Pool) -> None:
    lines = ["email,remarks", f"{ANN},said so", f"{BOB},by phone", "cy@example.com,cy@example.org"]
    told = (await send(api, "\n".join(lines))).json()
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(4, "cy@example.org")]
    assert "remarks" in told["rejected"][0]["reason"]
    assert len(await names(pool)) == 3


@pytest.mark.parametrize(
    "text", [f"'{ANN}", "\uff41nn@example.com", "ann\uff20example.com", f"{ANN}\u200b", f"<{ANN}>", f"mailto:{ANN}"]
)
async def test_an_address_is_mended_as_lists_mend_theirs(api: httpx.AsyncClient, pool: Pool, text: str) -> None:
    """What is kept as it was typed stops nobody."""
    assert (await api.post("/api/suppressions", json={"emails": [text]})).json()["added"] == 1
    assert await names(pool) == [ANN]
    (found,) = (await api.get("/api/suppressions", params={"q": text})).json()["items"]
    assert found["email"] == ANN
    assert (await api.get("/api/recipients", params={"email": text})).json()["email"] == ANN


async def test_an_address_of_the_operators_network_is_mended_too(api: httpx.AsyncClient, pool: Pool) -> None:
    await api.post("/api/suppressions", json={"emails": ["'ops@corp.local"]})
    await send(api, "email\n'dev@corp.local\n")
    assert await names(pool) == ["dev@corp.local", "ops@corp.local"]


@pytest.mark.parametrize(
    "text", [f"{ANN}, {BOB}", "*@example.org", "'@example.org", "@example.org", "ann lee@example.com"]
)
async def test_what_is_not_one_address_is_refused(api: httpx.AsyncClient, pool: Pool, text: str) -> None:
    assert "emails[0]" in wrong_fields(await api.post("/api/suppressions", json={"emails": [text]}))
    assert await names(pool) == []


async def test_what_takes_long_is_read_beside_the_requests_of_others(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text was read where every request is served: a few thousand kept everybody waiting."""
    there: set[str] = set()

    def watch(name: str) -> None:
        act = getattr(suppressions, name)

        def read(text: str) -> Any:
            with suppress(RuntimeError):
                asyncio.get_running_loop()
                there.add(name)
            return act(text)

        monkeypatch.setattr(suppressions, name, read)

    watch("read_any")
    watch("addresses_in")
    assert (await api.post("/api/suppressions", json={"emails": [f"<{ANN}>"]})).json()["added"] == 1
    assert (await send(api, f"email,remarks\n{BOB},{BOB}!\n")).json()["added"] == 1
    assert there == set()


@pytest.mark.parametrize("text", ["a@ " * 300, f"{ANN} " * 30, "<" * 300 + "@" * 300])
async def test_a_text_of_many_addresses_is_not_looked_through_for_one(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def mend(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("app.mail.repairs.mend", mend)
    assert "emails[0]" in wrong_fields(await api.post("/api/suppressions", json={"emails": [text]}))


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Bounce message", "550 5.1.1 <{}>: Recipient address rejected"),
        ("From", "A <{}>"),
        ("Link", "mailto:{}"),
        ("Name", "'{}"),
        ("Name", "{} (work)"),
    ],
)
async def test_the_same_address_with_something_around_it_is_no_second_one(
    api: httpx.AsyncClient, header: str, cell: str
) -> None:
    lines = [f"Email,{header}", *(f'{one},"{cell.format(one)}"' for one in (ANN, BOB))]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (2, [])


async def test_an_address_in_either_form_of_its_domain_is_no_second_one(api: httpx.AsyncClient) -> None:
    forms = "ann@m\u00fcller.example.com", "ann@xn--mller-kva.example.com"
    for first, second in (forms, forms[::-1]):
        told = (await send(api, f"Email,Login\n{first},{second}\n")).json()
        assert (told["added"] + told["known"], told["rejected"]) == (1, [])


async def test_another_address_beside_the_same_is_told(api: httpx.AsyncClient) -> None:
    told = (await send(api, f'Email,Remarks\ncy@example.com,\n{ANN},"{ANN}; x@example.com"\n{BOB},-\n')).json()
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(3, f"{ANN}; x@example.com")]


@pytest.mark.parametrize("header", ["Owner Email", "sender_email", "Sender", "email_account", "Added By", "Created by"])
async def test_an_address_of_a_colleague_in_each_row_is_none_to_suppress(
    api: httpx.AsyncClient, pool: Pool, header: str
) -> None:
    lines = [f"Email,{header},Reason", f"{ANN},boss@example.net,", f"{BOB},boss@example.net,"]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (2, [])
    # One who stands there once may be somebody to suppress: that is said.
    lines += ["cy@example.com,aide@example.net,"]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], [(one["row"], one["email"]) for one in told["rejected"]]) == (1, [(4, "aide@example.net")])
    told = (await send(api, f"Email,{header}\n{ANN},boss@example.net\n{BOB},aide@example.net")).json()
    assert (told["known"], [one["row"] for one in told["rejected"]]) == (2, [2, 3])
    assert await names(pool) == [ANN, BOB, "cy@example.com"]


async def test_who_keeps_a_list_of_many_is_told_from_who_is_on_it(api: httpx.AsyncClient) -> None:
    """HubSpot's owners, of whom some have one contact alone, and Instantly's mailboxes, of which many take turns."""
    for header, of_row in (("Contact owner", "xxyzwy"), ("email_account", "abcdefghijklabcdefgh")):
        lines = [f"Email,{header}", *(f"a{n}@example.com,{one}@example.net" for n, one in enumerate(of_row))]
        told = (await send(api, "\n".join(lines))).json()
        once = [n for n, one in enumerate(of_row, 2) if of_row.count(one) == 1]
        assert (told["added"] + told["known"], [one["row"] for one in told["rejected"]]) == (len(of_row), once)


async def test_no_other_of_a_second_column_is_lost_among_those_that_repeat(api: httpx.AsyncClient) -> None:
    """A text in the place of none, or the first rows of one firm, hid all that came later."""
    filler = ["none@example.net"] * 151 + [f"b{n}@example.net" for n in range(49)]
    sorted_by_firm = ["info@example.net"] * 200 + [f"info@c{n}.example.net" for n in range(50)]
    for second, first_told in ((filler, 153), (sorted_by_firm, 202)):
        lines = ["Email,Second email", *(f"a{n}@example.com,{other}" for n, other in enumerate(second))]
        told = (await send(api, "\n".join(lines))).json()
        assert told["added"] + told["known"] == len(second)
        assert [one["row"] for one in told["rejected"]] == list(range(first_told, len(second) + 2))


async def test_a_list_sorted_by_who_keeps_it_tells_of_each_once(api: httpx.AsyncClient) -> None:
    """Who is not in the first rows was told of in each row, up to a refusal half way."""
    lines = ["Email,Contact owner", *(f"a{n}@example.com,{'abc'[n // 250]}@example.net" for n in range(750))]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], [one["row"] for one in told["rejected"]]) == (750, [252, 502])


async def test_ids_of_messages_are_no_addresses(api: httpx.AsyncClient) -> None:
    lines = ["Email,Message-Id", *(f"a{n}@example.com,<{n}.x@mg.example.net>" for n in range(8))]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (8, [])


async def test_a_few_addresses_again_and_again_are_none_to_suppress(api: httpx.AsyncClient, pool: Pool) -> None:
    lines = ["Email,By whom", *(f"a{n}@example.com,boss{n % 2}@example.net" for n in range(8))]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (8, [])
    # Not so the ones that differ, or a domain that is the same.
    lines = ["Email,By whom", *(f"a{n}@example.com,boss{n % 3}@example.net" for n in range(8))]
    assert "by_whom" in wrong_fields(await send(api, "\n".join(lines)))["file"]
    # Nor the ones of a column that is called a colleague's, or that has some of them again in a few rows.
    lines = ["Email,Creator email", *(f"a{n}@example.com,b{n}@example.net" for n in range(8))]
    assert "creator_email" in wrong_fields(await send(api, "\n".join(lines)))["file"]
    rows = [(n, "info@example.net" if n < 4 else f"a{n}@example.com") for n in range(200)]
    rows += [(n, f"b{n}@example.net") for n in range(200, 210)]
    told = (await send(api, "\n".join(["Email,Other", *(f"a{n}@example.com,{other}" for n, other in rows)]))).json()
    assert (told["added"] + told["known"], len(told["rejected"])) == (210, 14)
    lines = ["Email,Domain", *(f"a{n}@example.com,*@example.net" for n in range(8))]
    assert "domain" in wrong_fields(await send(api, "\n".join(lines)))["file"]
    assert len(await names(pool)) == 210


MAIL = [("From", "To"), ("Sender", "Recipient"), ("Absender", "Empfänger"), ("From: (Address)", "To: (Address)")]


@pytest.mark.parametrize("header", [*MAIL, ("From", "Email"), ("Sender", "Email"), ("Von", "An")])
async def test_a_mailbox_of_those_who_said_stop_is_not_read_for_who_keeps_it(
    api: httpx.AsyncClient, pool: Pool, header: tuple[str, str]
) -> None:
    """The keeper's own addresses were suppressed, and who had written to them was lost unsaid."""
    for each in (2, 4, 10):
        rows = [f"p{n // each}@example.com,s{n % 3}@example.net" for n in range(20)]
        answer = await send(api, "\n".join([",".join(header), *rows]))
        if answer.status_code == 422:
            assert all(
                name in wrong_fields(answer)["file"].lower() for name in (header[1].lower(), header[0][:4].lower())
            )
        assert not [name for name in await names(pool) if name.endswith("example.net")]


@pytest.mark.parametrize("header", MAIL)
@pytest.mark.parametrize(
    "rows",
    [
        ["jo@example.com,unsubscribe@example.net"],
        [f"jo@example.com,s{n}@example.net" for n in range(2)],
        [f"p{n}@example.com,s{n}@example.net" for n in range(3)],
        [f"p{n // 2}@example.com,s+{n}@example.net" for n in range(20)],
        ["jo@example.com,s@example.net; t@example.net; u@example.net; v@example.net"],
        [*(f"s@example.net,p{n}@example.com" for n in range(16)), *["p0@example.com,s@example.net"] * 4],
    ],
)
async def test_a_mailbox_in_doubt_is_refused(
    api: httpx.AsyncClient, pool: Pool, header: tuple[str, str], rows: list[str]
) -> None:
    assert "two columns" in wrong_fields(await send(api, "\n".join([",".join(header), *rows])))["file"]
    assert await names(pool) == []


@pytest.mark.parametrize("header", [*MAIL, ("Absender", "E-Mail"), ("sender_email", "Email")])
async def test_a_log_of_what_was_sent_is_read_for_whom_it_was_sent_to(
    api: httpx.AsyncClient, header: tuple[str, str]
) -> None:
    lines = [",".join(header), *(f"s{n % 3}@example.net,p{n // 2}@example.com" for n in range(20))]
    told = (await send(api, "\n".join([*lines, "s0@example.net,s0@example.net"]))).json()
    assert (told["added"], told["rejected"]) == (11, [])


@pytest.mark.parametrize("header", ["Sales Email", "Sales Lead Email", "Salesforce Email"])
async def test_who_is_sold_to_is_no_colleague(api: httpx.AsyncClient, header: str) -> None:
    for firms, count in ((10, 20), (3, 3)):
        lines = [f"Email,{header}", *(f"p{n}@example.com,sales@c{n % firms}.example.com" for n in range(count))]
        assert "two columns" in wrong_fields(await send(api, "\n".join(lines)))["file"]


@pytest.mark.parametrize("header", ["Sales Rep", "Salesperson", "Sales Person Email", "Salesman", "Sales user"])
async def test_who_sells_is_a_colleague(api: httpx.AsyncClient, header: str) -> None:
    lines = [f"Email,{header}", *(f"p{n}@example.com,s{n % 6}@example.net" for n in range(18))]
    told = (await send(api, "\n".join(lines))).json()
    assert (told["added"], told["rejected"]) == (18, [])


@pytest.mark.parametrize("header", ["", "domain\n", "Blocked domains,Reason\n", "Dominio\n", "Email\n"])
@pytest.mark.parametrize("sign", ["@", "*@"])
async def test_a_file_of_domains_alone_is_one(api: httpx.AsyncClient, pool: Pool, header: str, sign: str) -> None:
    told = (await send(api, f"{header}{sign}example.org\n{sign}example.net\n")).json()
    assert (told["added"], told["rejected"]) == (2, [])
    assert await names(pool) == ["example.net", "example.org"]


async def test_domains_on_one_line_are_a_list(api: httpx.AsyncClient, pool: Pool) -> None:
    assert (await send(api, "@example.org,@example.net")).json()["added"] == 2


@pytest.mark.parametrize("sign", ["@", "*@"])
async def test_domains_on_lines_of_several_are_refused(api: httpx.AsyncClient, pool: Pool, sign: str) -> None:
    """The first of each line was read, and nothing said so."""
    lines = [", ".join(f"{sign}{n}{m}.example.com" for m in "abc") for n in "de"]
    assert "two columns" in wrong_fields(await send(api, "\n".join(lines)))["file"]
    assert await names(pool) == []


@pytest.mark.parametrize("header", ["", "Email,,Name\n"])
@pytest.mark.parametrize("every", [1, 20])
async def test_what_somebody_is_called_elsewhere_is_no_domain_where_no_header_says_so(
    api: httpx.AsyncClient, header: str, every: int
) -> None:
    lines = [f"p{n}@example.com,{'' if n % every else f'@ann.lee{n}'},Ann" for n in range(20)]
    told = (await send(api, header + "\n".join([*lines, "@example.org,,"]))).json()
    assert (told["added"], told["rejected"]) == (21, [])


@pytest.mark.parametrize("header", ["", "Email,,Name\n"])
@pytest.mark.parametrize("domain", ["@{}.example.com", "@{}.EXAMPLE.com", "*@{}.example.com", "@example.com"])
async def test_the_domain_of_the_address_beside_it_is_one_without_a_header_too(
    api: httpx.AsyncClient, pool: Pool, header: str, domain: str
) -> None:
    lines = [f"jo@x{n}.example.com,{domain.format(f'x{n}')},Jo" for n in range(3)]
    assert "two columns" in wrong_fields(await send(api, header + "\n".join(lines)))["file"]
    assert await names(pool) == []


async def test_domains_in_a_second_column_are_refused_and_what_looks_alike_is_not(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    lines = [f"{ANN},@x.example.com", "bob@example.com,@y.example.com"]
    assert "domain" in wrong_fields(await send(api, "\n".join(["Email,Domain", *lines])))["file"]
    assert await names(pool) == []
    others = ["cy@example.com,no@", "di@example.com,no@", "ed@example.com,no@"]
    told = (await send(api, "\n".join(["Email,Domain", *lines, *others]))).json()
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(2, "@x.example.com"), (3, "@y.example.com")]
    told = (await send(api, "\n".join(["Email,Instagram", *lines]))).json()
    assert (told["added"] + told["known"], told["rejected"]) == (2, [])
    told = (await send(api, "Email,Twitter\n*@x.example.com,@ann.lee\n*@y.example.com,@bob.ray\n")).json()
    assert (told["added"], told["rejected"]) == (2, [])
    refused = await api.post("/api/suppressions", files={"file": ("stop.csv", "Instagram\n@ann.lee\n@bob.ray\n")})
    assert "email addresses" in wrong_fields(refused)["file"]
