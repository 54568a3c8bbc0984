"""Lists that are larger than anybody has, in each direction: refused, and in little memory."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc

import pytest

from app.domain.recipients.columns import Columns
from app.domain.recipients.csv_files import describe_csv, from_csv
from app.domain.recipients.lists import Recipient, RecipientList, from_json
from app.domain.recipients.mailboxes import Mailboxes
from app.errors import InvalidInput
from tests.recipients.test_lists import addresses, read, refusal


def test_a_long_list_is_never_in_memory_at_once() -> None:
    file = io.BytesIO(b"email,note\n" + b"".join(b"a%d@example.com,%b\n" % (n, b"x" * 1000) for n in range(10_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in from_csv(file)) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_row_without_end_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, or many in quotation marks: neither is a cell that is too long."""
    monkeypatch.setattr("app.domain.recipients.csv_files._MAX_RECORD", 1_000)
    header = "email,name\n"
    for text in ("," * 1_001, header + "," * 1_001, header + '"\n",' * 400):
        assert "or the row has more than 1,000" in refusal(text)
    assert len(list(read("ada@example.com,x\n" * 1_000))) == 1


def test_more_lines_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blank ones, too: they would be gone through once for each delimiter."""
    monkeypatch.setattr("app.domain.recipients.csv_files._MOST_LINES", 100)
    assert "more than 100 lines" in refusal("\n" * 200)
    assert "more than 100 lines" in refusal("ada@example.com\n" * 200)
    assert len(list(read("ada@example.com\n" * 99))) == 1


@pytest.mark.parametrize("blank", ["\n", " , \n", '""\n'])
def test_blank_rows_are_not_gone_through_without_end(blank: str) -> None:
    text = "email,name\nann@example.com,Ann\n" + blank * 10_001 + "bob@example.com,Bob\n"
    assert "After row 2 come more than 10,000 blank rows" in refusal(text)
    assert "more than 10,000 blank rows" in refusal("\n" * 10_001)
    few = "email,name\nann@example.com,Ann\n" + blank * 10_000 + "bob@example.com,Bob\n"
    assert addresses(read(few)) == ["ann@example.com", "bob@example.com"]


def test_rows_of_many_cells_fill_no_memory() -> None:
    """Each cell is an object, and the first rows are looked at once for each delimiter."""
    tracemalloc.start()
    try:
        row = ("éß," * 100_000 + "\n").encode()
        assert "columns" in refusal(row * 20)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_more_columns_than_anybody_has_are_refused() -> None:
    """Not compared with each other first: a million of them would take hours."""
    assert "more than 200 columns" in refusal("a," * 200 + "email\n")
    assert addresses(read(",".join(f"a{n}" for n in range(199)) + ",email\n" + "," * 199 + "a@b.co\n")) == ["a@b.co"]
    with pytest.raises(InvalidInput) as error:
        describe_csv(io.BytesIO(b"a," * 400_000))
    assert "more than 200 columns" in error.value.fields["file"]


def test_more_fields_than_anybody_has_are_refused_in_json_too() -> None:
    """Each campaign of the list has their names."""
    for people in ([{f"field {n}": "x"} for n in range(201)], [{"x" * 20_001: "y"}]):
        with pytest.raises(InvalidInput) as error:
            from_json(people)
        assert "too many fields together, or too long ones" in error.value.fields["recipients"]


def test_the_names_that_each_email_gets_are_not_longer_than_what_they_name() -> None:
    wide = f"email,{'x' * 30_000}\nada@example.com,1\n"
    assert "names have 30,005 characters together" in refusal(wide)
    columns = Columns(True, 0, ["", "x"])
    assert next(iter(from_csv(io.BytesIO(wide.encode()), columns=columns))).fields == {"x": "1"}


def both(fields: dict[str, str]) -> list[RecipientList]:
    """One recipient with these fields, and one without, from CSV and from JSON."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("email", *fields), ("ann@example.com", *fields.values()), ("bob@example.com",)])
    return [read(file.getvalue()), from_json([{"email": "ann@example.com", **fields}, "bob@example.com"])]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"note": "x" * 10_001}, "note has 10,001 characters, and 10,000 is the most."),
        ({f"n{n}": "x" * 9_999 for n in range(7)}, "The fields have 69,993 bytes together, and 64,000 is the most"),
        ({f"n{n}": "\N{GRINNING FACE}" * 9_000 for n in range(2)}, "The fields have 72,000 bytes together"),
    ],
)
def test_a_recipient_larger_than_anybodys_is_rejected_alone(fields: dict[str, str], why: str) -> None:
    for recipients in both(fields):
        assert addresses(recipients) == ["bob@example.com"]
        assert recipients.rejected[0].reason.startswith(why)


def test_a_recipient_may_be_as_large_as_that() -> None:
    fields = {f"n{n}": "x" * 10_000 for n in range(6)}
    for recipients in both(fields):
        assert next(iter(recipients)).fields == fields


def test_a_row_takes_no_more_room_than_it_came_in() -> None:
    """Else 600 rows of nothing under 100,000 names are a gigabyte."""
    header = ",".join(f"a_rather_long_name_{n}" for n in range(199))
    for row in ("a@b.co", "a@b.co" + "," * 199):
        assert list(read(f"email,{header}\n{row}\n")) == [Recipient("a@b.co", {})]


def test_reasons_name_a_few_of_many_fields_and_end() -> None:
    many = {f"field_{n:03}": "x" for n in range(150)}
    lacking = from_json([{"email": "ann@example.com", **many}, "bob@example.com"], required=sorted(many))
    assert addresses(lacking) == ["ann@example.com"]
    assert lacking.rejected[0].reason == (
        "There is no value for field_000, field_001, field_002 and 147 more, which the template needs."
    )
    name = "n" * 9_000
    for wrong in ({name: []}, {name: "\0"}, {name: "1", name.upper(): "2"}, {name: "x" * 10_001}):
        refused = from_json([{"email": "ann@example.com", **wrong}] * 2)
        assert addresses(refused) == []
        assert all(len(rejected.reason) <= 300 for rejected in refused.rejected)
    with pytest.raises(InvalidInput) as error:
        read("email\nann@example.com\n", required=[f"f{n}" for n in range(60_000)])
    assert len(error.value.fields["file"]) < 500


def test_refused_rows_are_kept_within_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.recipients.lists.MOST_REJECTED_BYTES", 10_000)
    wrong = [f"{n:0>320}" for n in range(100)]
    for recipients in (read("email\n" + "\n".join(wrong)), from_json(wrong)):
        with pytest.raises(InvalidInput, match="rows are refused") as error:
            list(recipients)
        assert 0 < len(error.value.rejected) < 40


def test_more_rows_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated ones, too, which would be gone through for minutes."""
    monkeypatch.setattr("app.domain.recipients.lists.MOST_ROWS", 50)
    with pytest.raises(InvalidInput, match="more than 50 rows"):
        list(read("ann@example.com\n" * 51))
    with pytest.raises(InvalidInput, match="more than 50 rows"):
        from_json(["ann@example.com"] * 51)
    assert addresses(read("ann@example.com\n" * 50)) == ["ann@example.com"]


def test_mailboxes_of_many_take_little_room_and_each_has_its_first_row() -> None:
    tracemalloc.start()
    try:
        mailboxes = Mailboxes()
        assert all(mailboxes.first_row(f"a{n}@example.com", n) is None for n in range(1, 100_001))
        assert all(mailboxes.first_row(f"a{n}@example.com", 0) == n for n in range(1, 100_001))
        assert tracemalloc.get_traced_memory()[1] < 6_000_000  # as texts in a dictionary: 15 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "cell",
    [("@", ".", "@"), ("@", "a.", "@"), (" ", " ", "@"), ("", "elektronik_", ""), ("a", "\u0301\u0323", "")],
    ids=["dots", "labels", "blanks", "words", "marks"],
)
def test_a_header_takes_as_long_as_it_is(cell: tuple[str, str, str]) -> None:
    """Four times the cell, and not sixteen times the work."""

    def spent(times: int) -> float:
        began = time.process_time()
        describe_csv(io.BytesIO(f"{cell[0]}{cell[1] * times}{cell[2]}\nann@example.com\n".encode()))
        return time.process_time() - began

    assert spent(8_000) < 10 * max(spent(2_000), 0.01)
