"""Lists made to fill memory: previewed and scheduled by one API process, whose memory is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import httpx

from app.embedded.postgres import EmbeddedPostgres
from app.http.campaigns.schedule import MAX_BODY, MAX_JSON
from bench.api import api, create_account
from bench.registry import Failed, Figure, Run, bench
from bench.service import memory_mb

MOST_MB = 100  # that the API may grow by over all of them, at any size
SIZE = 400_000  # bytes of each, where `--emails` does not say another: all of them take about a minute
PIECE = 100_000  # bytes written at a time
FORM = {"subject": "Hello", "body": "Hello {{ name | default: 'you' }}"}
EMOJI = "\N{GRINNING FACE}".encode()  # one of them has Python keep four bytes for each character of a text


class Body(NamedTuple):
    """A body to send: `head`, then what comes `again` and again until it has `most` bytes, then `tail`."""

    what: str
    form_field: str | None  # "file": a CSV file; another: a text; None: JSON
    head: bytes
    again: Callable[[], Iterator[bytes]]
    tail: bytes = b""
    most: int = MAX_BODY


def _json(what: str, before: bytes, again: bytes, after: bytes, most: int = MAX_JSON) -> Body:
    return Body(what, None, b'{"subject":"s","body":"b",' + before, lambda: repeat(again), after + b"}", most)


def _file(what: str, head: bytes, again: bytes | Callable[[], Iterator[bytes]]) -> Body:
    return Body(what, "file", head, again if callable(again) else lambda: repeat(again))


def _numbered(line: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: (line % number for number in iter(range(1 << 40)))


BODIES = (
    _file("CSV: 100,000 columns", b"email" + b",c" * 100_000 + b"\n", b"ada@example.com\n"),
    _file("CSV: 200 columns, cells without text", b"email" + b"".join(b",column%d" % n for n in range(199)) + b"\n",
          _numbered(b"a%d@example.com" + b"," * 199 + b"\n")),
    _file("CSV: rows wider than the header", b"email,name\n", _numbered(b"a%d@example.com" + b",x" * 5_000 + b"\n")),
    _file("CSV: only refused rows", b"email,name\n", b"nobody" + EMOJI + b"x" * 300 + b",x\n"),
    _file("CSV: the largest recipients", b"email" + b"".join(b",c%d" % n for n in range(6)) + b"\n",
          _numbered(b"a%d@example.com" + (b"," + EMOJI + b"x" * 9_990) * 6 + b"\n")),
    _file("CSV: one giant cell", b"email,name\nada@example.com,", b"x" * 1_000),
    _file("CSV: one line of tiny cells", b"email,name\n", "éß,".encode()),
    _file("CSV: a quotation mark never closed", b'email,name\nada@example.com,"', b"Ada Lovelace\n"),
    _file("CSV: blank lines", b"email\n", b"\n"),
    _file("CSV: runs of blank lines", b"email\n", _numbered(b"\n" * 9_999 + b"a%d@example.com\n")),
    _file("CSV: not UTF-8", b"email\n", b"\xff\xfe\xe9\x81,\n"),
    _file("CSV: of no encoding", b"email\n",
          _numbered("a%d@b.co,Žluťoučký\n".encode("cp1250") + b"\x81\x8d\xff\xfe,\n")),
    _file("CSV: bad bytes all over UTF-8", b"email,name\n",
          _numbered(b"a%d@b.co,'+\xc3\xa9\xc3\xa9\xc3\xa9\xe9 " + EMOJI * 10 + b"\n")),
    _file("CSV: cells to mend", b"email,name\n", _numbered(b'"A <a%d@b.co>, B <b@b.co>; c@gmial.com",x\n')),
    _file("CSV: mistyped domains, each another", b"email\n", _numbered(b"a@b%d.con\n")),
    _file("Excel: all that may come", b"PK\x03\x04", b"x" * 1_000),
    _file("CSV: tiny recipients", b"", _numbered(b"a%x@b.co\n")),
    _file("CSV: one recipient again and again", b"", b"a@b.co\n"),
    Body("form: a giant text", "recipients", b"", lambda: repeat(b"ada@example.com\n")),
    Body("form: a giant text, opened as JSON", "recipients", b"[", lambda: repeat(b'"ada@example.com",')),
    _json("JSON of 200 MB", b'"recipients":["ada@example.com"', b',"ada@example.com"', b"]", MAX_BODY),
    _json("JSON: only refused rows", b'"recipients":[""', b',"nobody%s"' % (b"x" * 300), b"]"),
    _json("JSON: empty texts", b'"recipients":[""', b',""', b"]"),
    _json("JSON: nested lists", b'"recipients":', b"[", b"]"),
    _json("JSON: a recipient of nested objects", b'"recipients":["ada@example.com",', b'{"a":', b"]"),
    _json("JSON: a recipient of many keys", b'"recipients":[{', b'"kkkkkkkk":1,', b'"a":1}]'),
    _json("JSON: a giant subject", b'"recipients":["ada@example.com"],"subject":"' + EMOJI, b"x", b'"'),
    _json("JSON: a giant unknown field", b'"recipients":["ada@example.com"],"\\n' + EMOJI, b"x", b'":1'),
    Body("JSON: tiny recipients", None, b'{"subject":"s","body":"b","recipients":[""',
         _numbered(b',"a%x@b.co"'), b"]}", MAX_JSON),
)  # fmt: skip


@bench("hostile-lists", only_if_named=True)
def hostile_lists(run: Run) -> Iterator[Figure]:
    """By how much the API has grown at most after each of the lists made to fill its memory."""
    with EmbeddedPostgres(run.directory / "postgres") as postgres:
        key = create_account(postgres.url)
        with api(postgres.url, key) as (client, process):
            client.get("/api/campaigns")
            before_mb = memory_mb(process.pid, "VmRSS")
            for body in BODIES:
                path = run.directory / "body"
                size = _write(body, path, min(body.most, SIZE if run.emails is None else 100 * run.emails))
                notes = [_send(client, call, body, path) for call in ("preview", "schedule")]
                grown_mb = memory_mb(process.pid) - before_mb
                yield Figure(f"{body.what} ({size / 1e6:.1f} MB)", grown_mb, "MB", "; ".join(notes))
                if grown_mb > MOST_MB:
                    raise Failed(f"{body.what}: the API grew by {grown_mb:.0f} MB, and {MOST_MB} MB is the most")


def _write(body: Body, path: Path, most: int) -> int:
    """Returns how many bytes it is."""
    left = most - len(body.head) - len(body.tail) - 1_000  # for the fields of a form
    with path.open("wb") as file:
        file.write(body.head)
        piece = bytearray()
        for part in body.again():
            piece += part
            if len(piece) >= PIECE or len(piece) >= left:
                if len(piece) > left:
                    break
                file.write(piece)
                left -= len(piece)
                piece.clear()
        file.write(body.tail)
        return file.tell()


def _send(client: httpx.Client, call: str, body: Body, path: Path) -> str:
    url = f"/api/campaigns/{call}"
    began = time.perf_counter()
    with path.open("rb") as file:
        if body.form_field is None:
            headers = {"Content-Type": "application/json", "Content-Length": str(path.stat().st_size)}
            answer = client.post(url, headers=headers, content=iter(lambda: file.read(PIECE), b""))
        else:
            name = "list.csv" if body.form_field == "file" else None
            answer = client.post(url, data=FORM, files={body.form_field: (name, file)})
    took_s = time.perf_counter() - began
    if answer.status_code >= 500:
        raise Failed(f"{body.what}: {call} answers {answer.status_code}: {answer.text[:500]}")
    return f"{call} {answer.status_code} in {took_s:.1f} s, {len(answer.content) / 1e6:.1f} MB"
