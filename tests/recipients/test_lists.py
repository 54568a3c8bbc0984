from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.recipients import lists
from app.domain.recipients.csv_files import Asked, from_csv
from app.domain.recipients.lists import Choices, Duplicate, Recipient, RecipientList, Rejected, field_name, from_json
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize
from app.mail.repairs import mend, needs_mending


def read(text: str | bytes, encoding: str = "utf-8", *, required: list[str] | None = None) -> RecipientList:
    return from_csv(io.BytesIO(text.encode(encoding) if isinstance(text, str) else text), required=required or [])


def addresses(recipients: RecipientList) -> list[str]:
    return [recipient.address for recipient in recipients]


def refusal(text: str | bytes, *, required: list[str] | None = None) -> str:
    with pytest.raises(InvalidInput) as error:
        list(read(text, required=required))
    return error.value.fields["file"]


# CSV: real exports


def test_a_plain_list_with_a_header() -> None:
    recipients = read("email,First Name,Company\r\nann@example.com,Ann,ACME\r\nBob@Example.com,Bob,\r\n")
    assert recipients.fields == {"email", "first_name", "company"}
    assert list(recipients) == [
        Recipient("ann@example.com", {"first_name": "Ann", "company": "ACME"}),
        Recipient("Bob@example.com", {"first_name": "Bob"}),
    ]
    assert (recipients.accepted, recipients.duplicates, recipients.rejected) == (2, 0, [])


def test_german_excel_writes_semicolons_in_windows_1252() -> None:
    text = "Vorname;Nachname;E-Mail-Adresse;Umsatz\r\nJürgen;Müller;j.mueller@example.de;1.250,50 €\r\n"
    assert list(read(text, "cp1252")) == [
        Recipient("j.mueller@example.de", {"vorname": "Jürgen", "nachname": "Müller", "umsatz": "1.250,50 €"})
    ]


def test_excel_unicode_text_is_utf_16_with_tabs() -> None:
    text = "Email\tName\r\nann@example.com\tÁnn Ő, Jr.\r\n"
    for bom, encoding in (("", "utf-16"), ("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be"), ("", "utf-16-le")):
        assert list(read(bom + text, encoding)) == [Recipient("ann@example.com", {"name": "Ánn Ő, Jr."})]


def test_excel_csv_utf_8_begins_with_a_byte_order_mark() -> None:
    recipients = read("\ufeffEmail,Name\r\nann@example.com,Zoë\r\n")
    assert recipients.fields == {"email", "name"}
    assert list(recipients) == [Recipient("ann@example.com", {"name": "Zoë"})]


def test_google_contacts() -> None:
    text = (
        "First Name,Last Name,Notes,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value\n"
        'Ann,Lee,"met in Rome\nand ""again"" in Oslo",* Work,ann@example.com,Home,ann@example.org\n'
    )
    assert list(read(text)) == [
        Recipient(
            "ann@example.com",
            {
                "first_name": "Ann",
                "last_name": "Lee",
                "notes": 'met in Rome\nand "again" in Oslo',
                "e_mail_1_label": "* Work",
                "e_mail_2_label": "Home",
                "e_mail_2_value": "ann@example.org",
            },
        )
    ]


@pytest.mark.parametrize(
    "header",
    [
        *("email", "EMAIL", "E-mail", "E-Mail Address", "Email Address", "emailAddress", "mail", "Mail address"),
        *("Work Email", "Primary Email", "E-mail 1 - Value", "Contact e-mail", "E-Mail-Adresse", "Adresse e-mail"),
        *("Courriel", "Correo electrónico", "Indirizzo Email"),
    ],
)
def test_the_email_column_is_known_by_many_names(header: str) -> None:
    assert list(read(f"name,{header},mailing_city\nAnn,ann@example.com,Rome\n")) == [
        Recipient("ann@example.com", {"name": "Ann", "mailing_city": "Rome"})
    ]


def test_a_column_called_email_wins_over_others_that_sound_like_it() -> None:
    text = "work_email,email\nann@work.example.com,ann@example.com\n"
    assert list(read(text)) == [Recipient("ann@example.com", {"work_email": "ann@work.example.com"})]


def test_a_bare_column_of_addresses_needs_no_header() -> None:
    assert addresses(read("ann@example.com\nbob@example.com")) == ["ann@example.com", "bob@example.com"]
    assert addresses(read("ann@shop.email\n")) == ["ann@shop.email"]


def test_columns_without_a_header_are_numbered() -> None:
    assert list(read("ann@example.com;Ann;ACME\nbob@example.com;Bob;\n")) == [
        Recipient("ann@example.com", {"column_2": "Ann", "column_3": "ACME"}),
        Recipient("bob@example.com", {"column_2": "Bob"}),
    ]
    assert list(read("Ann\tann@example.com\tann@example.org\n")) == [
        Recipient("ann@example.com", {"column_1": "Ann", "column_3": "ann@example.org"})
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_among_other_delimiters_in_quotes(delimiter: str) -> None:
    rows = [["note", "email"], ["a,b;c\td", "ann@example.com"], [";;;,,,", "bob@example.com"], ["x", "c@example.com"]]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    assert list(read(file.getvalue())) == [Recipient(email, {"note": note}) for note, email in rows[1:]]


def test_commas_in_every_unquoted_cell_do_not_pass_for_the_delimiter() -> None:
    text = "email;amount\nann@example.com;1,50\nbob@example.com;2,75\n"
    assert next(iter(read(text))) == Recipient("ann@example.com", {"amount": "1,50"})


def test_blanks_behind_the_delimiter_are_not_content() -> None:
    text = 'email, name\nann@example.com, "Lee, Ann"\nbob@example.com, Bob\n'
    assert [recipient.fields["name"] for recipient in read(text)] == ["Lee, Ann", "Bob"]


def test_a_multibyte_character_on_a_chunk_border_is_not_taken_for_windows_1252(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.recipients.encodings.CHUNK", 1)
    assert list(read("email,name\nann@example.com,Zoë\n")) == [Recipient("ann@example.com", {"name": "Zoë"})]


def test_windows_1252_is_recognised_by_one_late_byte() -> None:
    text = "email,name\n" + "".join(f"a{n}@example.com,Ann\n" for n in range(10_000)) + "zoe@example.com,Zoë\n"
    assert list(read(text, "cp1252"))[-1].fields == {"name": "Zoë"}


# CSV: rows


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    recipients = read('\nemail,note\nann@example.com,"two\nlines"\n\n , \nnobody,x\nann@,y\n')
    assert addresses(recipients) == ["ann@example.com"]
    assert [(rejected.row, rejected.email) for rejected in recipients.rejected] == [(6, "nobody"), (7, "ann@")]
    assert all(rejected.reason.endswith(".") for rejected in recipients.rejected)


def test_each_mailbox_counts_once_however_it_is_spelt() -> None:
    recipients = read("ann@example.com\nANN@EXAMPLE.COM\n ann@example.com \nbob@example.com\n")
    assert addresses(recipients) == ["ann@example.com", "bob@example.com"]
    assert (recipients.accepted, recipients.duplicates) == (2, 2)
    assert recipients.first_duplicates == [Duplicate(2, "ANN@example.com", 1), Duplicate(3, "ann@example.com", 1)]


def test_cells_that_are_not_there_or_empty_are_no_fields_and_rows_too_long_are_rejected() -> None:
    recipients = read("email,name,city\nann@example.com\nbob@example.com,Bob,Rome,,\nc@example.com,Lee, Cy,Oslo\n")
    assert list(recipients) == [
        Recipient("ann@example.com", {}),
        Recipient("bob@example.com", {"name": "Bob", "city": "Rome"}),
    ]
    assert recipients.rejected == [Rejected(4, "c@example.com", "The row has 4 cells, but the file only 3 columns.")]


def test_a_nul_rejects_its_row_only() -> None:
    recipients = read("email,name\nann@example.com,A\0nn\nbob@example.com,Bob\n")
    assert addresses(recipients) == ["bob@example.com"]
    assert [rejected.row for rejected in recipients.rejected] == [2]


def test_a_row_with_fields_but_no_address_is_rejected() -> None:
    recipients = read("email,name\n,Ann\n")
    assert addresses(recipients) == []
    assert recipients.rejected == [Rejected(2, "", "There is no email address.")]


def test_of_several_addresses_in_a_cell_the_first_is_taken_and_the_others_are_told() -> None:
    text = 'email\n"ann@example.com, bob@example.com"\n"cy@example.com;\ndi@example.com"\n'
    recipients = read(text)
    assert addresses(recipients) == ["ann@example.com", "cy@example.com"]
    assert [(one.row, one.others) for one in recipients.first_repaired] == [
        (2, ["bob@example.com"]),
        (3, ["di@example.com"]),
    ]
    every = from_csv(io.BytesIO(text.encode()), asked=Asked(choices=Choices(every_address=True)))
    assert addresses(every) == ["ann@example.com", "bob@example.com", "cy@example.com", "di@example.com"]
    assert (every.accepted, every.repaired, every.duplicates) == (4, 2, 0)


def test_where_every_address_is_wanted_what_is_none_is_refused_with_its_row() -> None:
    cells = ["ann@example.com, bob@exa_mple.com", "; ".join(f"a{number}@example.com" for number in range(30))]
    every = from_json(cells, choices=Choices(every_address=True))
    assert len(addresses(every)) == 31
    assert [(one.row, one.email) for one in every.rejected] == [(1, "bob@exa_mple.com")]
    first = from_json(cells)
    assert (addresses(first), first.rejected) == (["ann@example.com", "a0@example.com"], [])
    assert len(first.first_repaired[1].others) == 10


@pytest.mark.parametrize("right", ["a,example.com", "x>", "example..com", "localhost", "x\x01.com", "corp.local"])
def test_a_correction_that_makes_no_address_costs_its_rows(right: str) -> None:
    recipients = from_json(["ann@gmial.com", "bob@example.com"], choices=Choices(corrections={"gmial.com": right}))
    assert addresses(recipients) == ["bob@example.com"]
    assert [(one.row, one.email) for one in recipients.rejected] == [(1, "ann@gmial.com")]
    assert recipients.rejected[0].reason.startswith("Corrected as asked for: ")


def test_a_correction_is_an_address_like_any_other() -> None:
    corrections = {"gmial.com": "xn--bcher-kva.de", "acme.con": "corp.local"}
    choices = Choices(frozenset({"corp.local"}), corrections=corrections)
    recipients = from_json(["ann@gmial.com", "ann@bücher.de", "bob@acme.con"], choices=choices)
    assert addresses(recipients) == ["ann@bücher.de", "bob@corp.local"]
    assert recipients.duplicates == 1


def test_each_of_several_addresses_is_asked_about_and_corrected() -> None:
    cell = ["ann@example.com; bob@gmial.com; cy@acme.con"]
    choices = Choices(every_address=True, corrections={"gmial.com": "gmail.com"})
    recipients = from_json(cell, choices=choices)
    assert addresses(recipients) == ["ann@example.com", "bob@gmail.com", "cy@acme.con"]
    assert [(one.email, one.meant) for one in recipients.first_suspects] == [("cy@acme.con", "acme.com")]


def test_a_field_without_a_letter_is_refused_for_no_template_could_name_it() -> None:
    with pytest.raises(InvalidInput) as error:
        from_json([{"email": "ann@example.com", "#": "1"}])
    assert error.value.fields == {"recipients": 'have a field "#"; use letters or digits'}


def test_a_field_that_is_a_number_is_no_number_in_a_template() -> None:
    recipients = from_json([{"email": "ann@example.com", "2024": "a", "1st": "b"}])
    assert [each.fields for each in recipients] == [{"_2024": "a", "1st": "b"}]
    assert field_name(field_name("2024")) == "_2024"


def test_iterating_again_starts_anew_and_leaves_the_file_open() -> None:
    file = io.BytesIO(b"email\nann@example.com\nann@example.com\nx\n")
    recipients = from_csv(file)
    assert addresses(recipients) == addresses(recipients) == ["ann@example.com"]
    assert (recipients.accepted, recipients.duplicates, len(recipients.rejected)) == (1, 1, 1)
    assert not file.closed


def test_the_last_row_may_end_without_a_line_break_and_quotes_may_be_sloppy() -> None:
    text = 'email,name\nann@example.com,5" pipe\nbob@example.com,"Bob" Lee\ncy@example.com,"Cy"'
    assert [recipient.fields["name"] for recipient in read(text)] == ['5" pipe', "Bob Lee", "Cy"]


# CSV: files that cannot be read


@pytest.mark.parametrize("text", ["", "\ufeff", "\r\n\r\n", " \n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert "empty" in refusal(text)


def test_a_file_without_an_email_column_is_refused_with_what_it_has_instead() -> None:
    why = refusal("name,city\nAnn,Rome\n")
    assert '"email"' in why
    assert "name, city" in why


def test_columns_of_the_same_name_or_without_one_get_names_of_their_own() -> None:
    text = "email,First Name,first-name,,Name,\nann@example.com,a,b,c,d,e\n"
    assert next(iter(read(text))).fields == {
        "first_name": "a",
        "first_name_2": "b",
        "column_4": "c",
        "name": "d",
        "column_6": "e",
    }
    assert next(iter(read("Email,email\nann@example.com,bob@example.com\n"))) == Recipient(
        "ann@example.com", {"email_2": "bob@example.com"}
    )


def test_a_missing_required_column_is_named_and_an_empty_cell_is_no_matter() -> None:
    assert "company" in refusal("email,name\nann@example.com,Ann\n", required=["name", "company"])
    text = "email,name\nann@example.com,\nbob@example.com\n"
    assert [recipient.fields for recipient in read(text, required=["name", "email"])] == [{"name": ""}] * 2


@pytest.mark.parametrize("rows_behind", [1, 60_000])
def test_a_quotation_mark_never_closed_is_refused_instead_of_swallowing_the_rows_behind_it(rows_behind: int) -> None:
    text = 'email,name\nann@example.com,Ann\nbob@example.com,"Bob\n' + "cy@example.com,Cy\n" * rows_behind
    why = refusal(text)
    assert why.startswith("In row 3 a quotation mark opens a cell and is never closed")


@pytest.mark.parametrize("content", [b"PK\x03\x04\x81\x8d\x8f", b"\xff\xfeabc"])
def test_what_is_no_csv_file_is_refused(content: bytes) -> None:
    assert refusal(content)


# JSON


def test_json_takes_addresses_and_objects() -> None:
    recipients = from_json(
        ["ann@example.com", {"email": "bob@example.com", "First Name": "Bob", "age": 42, "vip": True, "score": 1.5}]
    )
    assert recipients.fields == {"email", "first_name", "age", "vip", "score"}
    assert list(recipients) == [
        Recipient("ann@example.com", {}),
        Recipient("bob@example.com", {"first_name": "Bob", "age": "42", "vip": "true", "score": "1.5"}),
    ]


@pytest.mark.parametrize(
    ("item", "named"),
    [
        ("nobody", "@"),
        ({"name": "Ann"}, "email address"),
        ({"email": None, "name": "Ann"}, "email address"),
        ({"email": "ann@example.com", "name": "Ann", "tags": ["a"]}, "tags"),
        ({"email": {"work": "ann@example.com"}, "name": "Ann"}, "email"),
        ({"email": "ann@example.com", "name": "A\0"}, "name"),
        ({"email": "ann@example.com", "name": "\ud800"}, "name"),
        ({"email": "ann@example.com", "name": "Ann", "Name": "Lee"}, "name"),
    ],
)
def test_json_rejects_one_item_with_its_position(item: str | Mapping[str, object], named: str) -> None:
    recipients = from_json(["cy@example.com", item])
    assert addresses(recipients) == ["cy@example.com"]
    assert [rejected.row for rejected in recipients.rejected] == [2]
    assert named in recipients.rejected[0].reason


def test_json_rejects_who_lacks_a_required_field() -> None:
    recipients = from_json(
        [
            "ann@example.com",
            {"email": "bob@example.com", "name": "Bob"},
            {"email": "cy@example.com", "name": None},
            {"email": "di@example.com", "name": ""},
        ],
        required=["name", "email"],
    )
    assert addresses(recipients) == ["bob@example.com", "di@example.com"]
    assert [(rejected.row, rejected.email) for rejected in recipients.rejected] == [
        (1, "ann@example.com"),
        (3, "cy@example.com"),
    ]
    assert "name" in recipients.rejected[0].reason


def test_counts_are_those_of_the_batches_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "BATCH", 2)
    recipients = from_json(["ann@example.com", "ann@example.com", "x", "bob@example.com", "cy@example.com"])
    batches = recipients.batches()
    assert next(batches) == lists.Batch([1, 4], ["ann@example.com", "bob@example.com"], [{}, {}])
    assert (recipients.accepted, recipients.duplicates, len(recipients.rejected)) == (2, 1, 1)
    assert [batch.addresses for batch in batches] == [["cy@example.com"]]


def test_a_batch_ends_where_its_fields_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "BATCH_CHARACTERS", 100)
    recipients = from_json([{"email": f"p{n}@example.com", "note": "x" * 50} for n in range(5)])
    assert [len(batch.rows) for batch in recipients.batches()] == [2, 2, 1]


# Both


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("First Name", "first_name"),
        ("  first-name ", "first_name"),
        ("Prénom", "prénom"),
        ("Pre\u0301nom", "prénom"),
        ("Имя", "имя"),
        ("Price (EUR)", "price_eur"),
        ("2nd choice", "2nd_choice"),
        ("Empty", "empty_"),
    ],
)
def test_headers_become_names_that_templates_can_use(header: str, name: str) -> None:
    assert field_name(header) == name


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).map(str.lstrip)
EMAIL_CELL = st.one_of(
    st.builds(
        "{}@example.{}".format, st.text("abAB.", min_size=1, max_size=3), st.sampled_from(["com", "org", "test"])
    ),
    st.text("ab@., ;\"'\n", max_size=12).map(str.lstrip),
)


def address_in(cell: str) -> str | None:
    """As `repairs`, which has tests of its own, sees it."""
    with suppress(InvalidAddress):
        address = normalize(cell)
        if not needs_mending(cell, address):
            return address
    mended = mend(cell)
    return mended and mended.address


def unguarded(cell: str) -> str:
    return cell[1:] if re.match("'+[=+@\t\r-]", cell) else cell


@given(
    st.lists(st.tuples(EMAIL_CELL, CELL, CELL)),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_row_is_accepted_whole_a_duplicate_rejected_or_blank(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("email", "a", "b"), *rows])
    recipients = read(file.getvalue(), encoding)
    accepted = list(recipients)

    expected: dict[str, Recipient] = {}
    rejected: list[int] = []
    blank = 0
    for number, (email, a, b) in enumerate(rows, 2):
        address = address_in(email)
        if address is not None:
            fields = {name: unguarded(cell) for name, cell in (("a", a), ("b", b)) if cell}
            expected.setdefault(key(address), Recipient(address, fields))
        else:
            if f"{email}{a}{b}".strip():
                rejected.append(number)
            else:
                blank += 1
    assert accepted == list(expected.values())
    assert [each.row for each in recipients.rejected] == rejected
    assert recipients.accepted + recipients.duplicates + len(recipients.rejected) + blank == len(rows)
