"""Lists as they come out of databases, consoles, filters and many hands: each row is taken rightly, or refused with a
reason that whoever has the file understands.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import pytest

from app.domain.recipients.csv_files import from_csv
from app.errors import InvalidInput
from tests.support.workbooks import Row, sheet_of


class File(NamedTuple):
    """`people`: whom it is written to, with what; `refused`: the rows that are not, each with a part of the reason."""

    name: str
    content: bytes
    people: dict[str, dict[str, str]]
    refused: Mapping[int, str] = {}
    repaired: Mapping[int, str] = {}


BOTH = {"ann@acme.com": {"name": "Ann"}, "bob@b.com": {"name": "Bob"}}
QUOTES = "A quotation mark stands within a cell that is in quotation marks"
FILES = [
    File(
        "a row of groups above the header, their cells merged",
        b"Contact,,,Organization,\nName,Email,Phone,Name,City\nAnn,ann@acme.com,1,ACME,Rome\nBob,bob@b.com,2,B,\n",
        {
            "ann@acme.com": {"name": "Ann", "phone": "1", "name_2": "ACME", "city": "Rome"},
            "bob@b.com": {"name": "Bob", "phone": "2", "name_2": "B"},
        },
    ),
    File(
        "a title, then groups, then the header",
        b"Report of 27 November\n\nPerson,\nName,E-Mail\nAnn,ann@acme.com\nBob,bob@b.com\n",
        BOTH,
    ),
    File(
        "totals at the bottom",
        b"Name,Email\nAnn,ann@acme.com\nBob,bob@b.com\n,\nTotal,2\nAverage,\n",
        BOTH,
        {5: "must have an @-sign", 6: "There is no email address"},
    ),
    File(
        "what the database said, in the column of addresses",
        b"Email,Name\nann@acme.com,Ann\nbob@b.com,Bob\n(2 rows affected),\n",
        BOTH,
        {4: "must have an @-sign"},
    ),
    File(
        "psql",
        b"    email     | name\n--------------+------\n ann@acme.com | Ann\n bob@b.com    | Bob\n(2 rows)\n",
        BOTH,
        {2: "must have an @-sign", 5: "must have an @-sign"},
    ),
    File(
        "mysql, in a box",
        b"+--------------+------+\n| email        | name |\n+--------------+------+\n"
        b"| ann@acme.com | Ann  |\n| bob@b.com    | Bob  |\n+--------------+------+\n",
        BOTH,
        {3: "There is no email address", 6: "There is no email address"},
    ),
    File(
        "mysql, into a file",
        b'"Email","Note"\n"ann@acme.com","She said \\"hi, there\\", twice"\n"bob@b.com",\\N\n',
        {"ann@acme.com": {"note": 'She said "hi, there", twice'}, "bob@b.com": {}},
        repaired={3: "\\N, which says that there is nothing, left out"},
    ),
    File(
        "quotes within quotes",
        b'Name,Email,Note\n"Ann "The Cat" Lee",ann@acme.com,"x"\n"Bob ""Bo"" Ek",bob@b.com,5" pipe\n',
        {"bob@b.com": {"name": 'Bob "Bo" Ek', "note": '5" pipe'}},
        {2: QUOTES},
    ),
    File(
        "a quote that is never closed where it should be",
        b'Name,Email,Note\nAnn,ann@acme.com,"6 feet\nBob,bob@b.com,x\nCy,cy@c.com,"fine"\nDee,dee@d.com,y\n',
        {"dee@d.com": {"name": "Dee", "note": "y"}},
        {2: "The cell goes on for 3 lines, and nobody on them is read"},
    ),
    File(
        "a quote before the closing one, as MySQL has it, where the lines after it close it once more",
        b'email,company\nann@acme.com,"Monitor 19\\""\nbob@b.com,Foo\ncy@c.com,"Acme"\ndee@dfile.com,"Z"\n',
        {
            "ann@acme.com": {"company": 'Monitor 19"'},
            "bob@b.com": {"company": "Foo"},
            "cy@c.com": {"company": "Acme"},
            "dee@dfile.com": {"company": "Z"},
        },
    ),
    File(
        "a quote before the closing one, as MySQL has it, and no other in the file",
        b'email,size\nann@acme.com,"5\\""\nbob@b.com,7\ncy@c.com,8',
        {"ann@acme.com": {"size": '5"'}, "bob@b.com": {"size": "7"}, "cy@c.com": {"size": "8"}},
    ),
    File(
        "each row in one pair of quotes",
        b'"Name,Email"\n"Ann,ann@acme.com"\n"Bob,bob@b.com"\n',
        BOTH,
    ),
    File(
        "each row in one pair of quotes, those within doubled",
        b'"Name;""Email"";City"\r\n"Ann;""ann@acme.com"";Rome"\r\n"""Lee; Bob"";""bob@b.com"";"\r\n',
        {"ann@acme.com": {"name": "Ann", "city": "Rome"}, "bob@b.com": {"name": "Lee; Bob"}},
    ),
    File(
        "files put together, each with its mark and header",
        "\ufeffEmail,Name\nann@acme.com,Ann\n\ufeffEmail,Name\nbob@b.com,Bob\n".encode(),
        BOTH,
        {3: "must have an @-sign"},
    ),
    File(
        "files put together, in two encodings",
        "Email,Name\nann@acme.com,Zoë\n".encode() + "bob@b.com,Müller\n".encode("cp1252"),
        {"ann@acme.com": {"name": "Zoë"}, "bob@b.com": {"name": "Müller"}},
        repaired={3: "bytes that are no UTF-8 read as Windows-1252"},
    ),
    File(
        "what Excel calls Unicode text",
        "Name\tE-Mail\nŻółć\tann@acme.com\n".encode("utf-16"),
        {"ann@acme.com": {"name": "Żółć"}},
    ),
    File("lines that end with CR alone", b"Email,Name\rann@acme.com,Ann\rbob@b.com,Bob\r", BOTH),
    File("lines that end twice", b"Email,Name\r\r\nann@acme.com,Ann\r\r\nbob@b.com,Bob\r\r\n", BOTH),
    File(
        "errors of a spreadsheet",
        b"Email,Company,Seats\nann@acme.com,#N/A,#REF!\nbob@b.com,ACME,#DIV/0!\n",
        {"ann@acme.com": {}, "bob@b.com": {"company": "ACME"}},
        repaired={
            2: "#N/A, which says that there is nothing, left out",
            3: "#DIV/0!, which says that there is nothing, left out",
        },
    ),
    File(
        "all on one line",
        b"ann@acme.com, bob@b.com, cy@c.com\n",
        {"ann@acme.com": {}, "bob@b.com": {}, "cy@c.com": {}},
    ),
    File(
        "a line of recipients, as mail programs have it",
        b"Ann Lee <ann@acme.com>; Bob <bob@b.com>;\n",
        {"ann@acme.com": {}, "bob@b.com": {}},
        repaired={1: "the name beside the address left out", 2: "the name beside the address left out"},
    ),
    File(
        "masked addresses",
        b"Name,Email\nAnn,a***@acme.com\nBob,bob@b.com\n",
        {"bob@b.com": {"name": "Bob"}},
        {2: "The address is masked"},
    ),
    File(
        "what was written so that no machine reads it",
        b"Name,Email\nAnn,ann (at) acme.com\nBob,bob@b.com\nCy,cy at c.com\n",
        {"bob@b.com": {"name": "Bob"}},
        {2: "must have an @-sign", 4: "must have an @-sign"},
    ),
    File(
        "a second line with types",
        b"email,name\nstring,string\nann@acme.com,Ann\nbob@b.com,Bob\n",
        BOTH,
        {2: "must have an @-sign"},
    ),
    File(
        "DOS",
        "Name;Email\nMüller;ann@acme.com\nGrün;bob@b.com\nÄrger;cy@c.com\n".encode("cp850"),
        {"ann@acme.com": {"name": "Müller"}, "bob@b.com": {"name": "Grün"}, "cy@c.com": {"name": "Ärger"}},
    ),
    File(
        "remarks above the header",
        b"# export of 2026-11-27\n# by me\nemail,name\nann@acme.com,Ann\nbob@b.com,Bob\n",
        BOTH,
    ),
]


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_each_row_is_taken_rightly_or_refused_with_a_reason(file: File) -> None:
    read = from_csv(io.BytesIO(file.content))
    found = {one.address: {name: text.strip() for name, text in one.fields.items()} for one in read}
    assert found == file.people
    assert [one.row for one in read.rejected] == list(file.refused)
    for one in read.rejected:
        assert file.refused[one.row] in one.reason
    assert {one.row: one.what for one in read.first_repaired} == file.repaired


@pytest.mark.parametrize(
    ("text", "is_what"),
    [
        ("INSERT INTO users (email, name) VALUES\n('ann@acme.com', 'Ann');\n", "SQL"),
        ("-- MySQL dump 10.13\nCREATE TABLE x (email text);\n", "SQL"),
        ("COPY public.users (email) FROM stdin;\nann@acme.com\n", "SQL"),
        ("From ann@acme.com Mon Jan 01 00:00:00 2026\nTo: Bob <bob@b.com>\n", "mail"),
        ("Delivered-To: me@acme.com\nFrom: Ann <ann@b.com>\n", "mail"),
    ],
)
def test_what_is_no_list_is_said_to_be_what_it_is(text: str, is_what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_csv(io.BytesIO(text.encode()))
    assert f"The file is {is_what}." in refused.value.fields["file"]
    assert "CSV" in refused.value.fields["file"]


PEOPLE = [["Name", "Email"], ["Ann", "ann@acme.com"], ["Bob", "bob@b.com"], ["Cy", "cy@c.com"], ["Total", 3]]


def filtered(hidden: set[int]) -> bytes:
    """The people in a workbook, some rows of which a filter hides."""
    return sheet_of([Row(cells, number in hidden) for number, cells in enumerate(PEOPLE, 1)])


async def test_rows_that_a_filter_hides_are_left_out_and_counted(api: httpx.AsyncClient) -> None:
    file = {"file": ("list.xlsx", filtered({3, 5}))}
    told = (await api.post("/api/lists", files=file)).json()
    assert (told["rows"], told["csv"]["hiddenRows"], told["csv"]["sheet"]) == (3, 2, "People")
    of_list = await previewed(api, listId=told["id"])
    of_file = (await api.post("/api/campaigns/preview", data={"subject": "s", "body": "b"}, files=file)).json()
    for answer in (of_list, of_file):
        assert (answer["accepted"], answer["rejected"], answer["reading"]["hiddenRows"]) == (2, [], 2)
    added = (await api.post("/api/suppressions", files=file)).json()
    # Somebody who said stop has said so, whatever a filter shows.
    assert (added["added"], [one["row"] for one in added["rejected"]]) == (3, [5])
    shown = (await api.post("/api/lists", files={"file": ("list.xlsx", filtered(set()))})).json()
    assert (shown["rows"], shown["csv"]["hiddenRows"]) == (5, 0)


async def previewed(api: httpx.AsyncClient, **source: object) -> dict[str, Any]:
    answer = await api.post("/api/campaigns/preview", json={"subject": "s", "body": "b"} | source)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_rows_below_hidden_ones_keep_their_numbers(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/api/campaigns/preview",
        data={"subject": "s", "body": "b"},
        files={"file": ("list.xlsx", filtered({2, 3}))},
    )
    told = answer.json()
    assert told["accepted"] == 1
    assert [(one["row"], one["email"]) for one in told["rejected"]] == [(5, "3")]


async def test_formulas_bring_what_they_came_to_and_errors_bring_nothing(api: httpx.AsyncClient) -> None:
    cells = (
        '<row r="1"><c r="A1" t="str"><v>Email</v></c><c r="B1" t="str"><v>Company</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f>"ann"&amp;"@acme.com"</f><v>ann@acme.com</v></c>'
        '<c r="B2" t="e"><f>VLOOKUP(1,2)</f><v>#N/A</v></c></row>'
        '<row r="3"><c r="A3" t="e"><v>#REF!</v></c><c r="B3" t="str"><f>B2</f><v>ACME</v></c></row>'
        '<row r="4"><c r="A4"><f>"never"&amp;"@counted.com"</f></c></row>'
        '<row r="5"><c r="A5" t="str"><f>HYPERLINK("mailto:bob@b.com","bob@b.com")</f><v>bob@b.com</v></c></row>'
    )
    answer = await api.post(
        "/api/campaigns/preview",
        data={"subject": "s", "body": 'At {{ company | default: "home" }}'},
        files={"file": ("list.xlsx", sheet_of(cells))},
    )
    told = answer.json()
    assert told["accepted"] == 2
    assert [(one["row"], one["reason"]) for one in told["rejected"]] == [(3, "There is no email address.")]
    assert [(one["field"], one["recipients"]) for one in told["lacking"]] == [("company", 2)]
