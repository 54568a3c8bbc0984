"""Which column is that of the addresses: what the cells hold first, what it is called second."""

from __future__ import annotations

import io

import pytest

from app.domain.recipients.csv_files import Asked, CsvList, describe_csv, from_csv
from app.errors import InvalidInput


def read(text: str, **asked: str) -> CsvList:
    return from_csv(io.BytesIO(text.encode()), asked=Asked(**asked))


def addresses(text: str, **asked: str) -> list[str]:
    return [each.address for each in read(text, **asked)]


def test_an_owner_who_is_the_same_in_each_row_is_nobody_to_write_to() -> None:
    header = "Owner Email,First Name,E-mail Address\n"
    text = header + "boss@example.com,Ann,ann@example.com\nboss@example.com,Bob,bob@example.com\n"
    assert addresses(text) == ["ann@example.com", "bob@example.com"]
    assert addresses("Owner Email,E-mail\nboss@example.com,ann@example.com\n") == ["ann@example.com"]


def test_a_column_without_addresses_is_none_whatever_it_is_called() -> None:
    text = "Unsubscribed from all email,First Name,Email Address\nfalse,Ann,ann@example.com\n"
    assert addresses(text) == ["ann@example.com"]
    assert addresses("Email,Contact\nyes,ann@example.com\n") == ["ann@example.com"]


@pytest.mark.parametrize(
    "header",
    [
        *("E-mailadres", "Dirección de correo electrónico", "メールアドレス", "E-mail (work)", "Adresa", "X", ""),
        *("Почта", "邮箱", "이메일", "Adres e-mail", "Sähköposti", "Recipient"),
    ],
)
def test_any_name_will_do_where_the_cells_are_addresses(header: str) -> None:
    for text in (f"name,{header}\nAnn,ann@example.com\n", f"{header};name\nann@example.com;Ann\n"):
        assert addresses(text) == ["ann@example.com"]


@pytest.mark.parametrize("header", ["E-mailadres", "メールアドレス", "Dirección de correo electrónico", "Email"])
def test_where_no_cell_is_an_address_the_name_tells(header: str) -> None:
    recipients = read(f"name,{header}\nAnn,nobody\n")
    assert list(recipients) == []
    assert [each.email for each in recipients.rejected] == ["nobody"]


def test_the_fuller_one_of_two_is_taken_and_the_other_is_told() -> None:
    rows = "".join(f"{f'a{n}@example.com' if n % 3 else ''},w{n}@work.example.com,N{n}\n" for n in range(30))
    recipients = read("Email,Work email,Name\n" + rows)
    assert len(list(recipients)) == 30
    assert recipients.reading.email_column == "Work email"
    assert [(each.column, each.name, each.addresses) for each in recipients.reading.others] == [(0, "Email", 20)]
    shape, _ = describe_csv(io.BytesIO(f"Email,Work email,Name\n{rows}".encode()))
    assert shape.columns.email == 1
    assert shape.columns.fields == ["email_2", "work_email", "name"]
    assert [each.name for each in shape.candidates] == ["Work email", "Email"]


def test_where_nothing_is_close_there_is_nothing_to_ask() -> None:
    text = "Email,Notes\n" + "".join(f"a{n}@example.com,{'see b@example.com' if n == 3 else ''}\n" for n in range(20))
    assert read(text).reading.others == []


@pytest.mark.parametrize("named", ["Owner Email", "owner email", "1"])
def test_the_caller_may_name_one(named: str) -> None:
    text = "Owner Email,Email\nboss@example.com,ann@example.com\n"
    assert list(read(text, email_column=named)) == [("boss@example.com", {"email_2": "ann@example.com"})]


@pytest.mark.parametrize("named", ["Nobody", "0", "3"])
def test_one_that_is_not_there_is_refused_with_those_that_are(named: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read("Owner Email,Email\nboss@example.com,ann@example.com\n", email_column=named)
    assert "Owner Email, Email" in error.value.fields["emailColumn"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ",", "^"])
def test_a_line_that_names_the_delimiter_is_no_header(delimiter: str) -> None:
    text = f"sep={delimiter}\nemail{delimiter}name\nann@example.com{delimiter}Ann\nnobody{delimiter}x\n"
    recipients = read(text)
    assert list(recipients) == [("ann@example.com", {"name": "Ann"})]
    assert [each.row for each in recipients.rejected] == [3]
    assert describe_csv(io.BytesIO(text.encode()))[0].columns.fields == ["email", "name"]


OUTLOOK = (
    "Title,First Name,Middle Name,Last Name,Company,Business Street,E-mail Address,E-mail Type,E-mail Display Name,"
    "E-mail 2 Address,E-mail 2 Type,E-mail 2 Display Name,Notes\r\n"
    ",Ann,,Lee,ACME,,ann@example.com,SMTP,Ann Lee (ann@example.com),ann@example.org,SMTP,Ann Lee,\r\n"
    ",Bob,,Ray,,,bob@example.com,SMTP,Bob Ray (bob@example.com),,,,\r\n"
)


def test_the_export_of_outlook() -> None:
    recipients = read(OUTLOOK)
    assert [each.address for each in recipients] == ["ann@example.com", "bob@example.com"]
    assert recipients.reading.email_column == "E-mail Address"
