"""Encodings: whatever a machine wrote a list in, its names come out as they were."""

from __future__ import annotations

import io

import pytest

from app.domain.recipients import encodings
from app.domain.recipients.csv_files import Asked, describe_csv, from_csv, utf8
from app.errors import InvalidInput

# By encoding, what somebody there might have in a list: long ones and single names.
LISTS = {
    "cp1250": (
        "email;jmeno\njiri@example.com;Jiří Dvořák\n",
        "email;imie\nl@example.com;Łukasz Wiśniewski\nm@example.com;Małgorzata Żółć\n",
        "email,név\na@example.com,Győző Kovács\nb@example.com,Ödön Őry\n",
        "email;ime\nz@example.com;Željko Šarić\nb@example.com;Đurđa Čović",
        "email;obec\na@example.com;Košice Ľubomír\n",
        "a@example.com,Łódź",
        "a@example.com,Ştefan Ţepeş",
    ),
    "cp1251": (
        "email,имя\nivan@example.com,Иван\n",
        "email;Имя;Город\na@example.com;Мария Петрова;Санкт-Петербург\n",
        "email,имя\na@example.com,Олександр Шевченко\n",
        "a@example.com,москва, Ромашка",
        "email;имя\na@example.com;ИВАН ПЕТРОВ\nb@example.com;СЕРГЕЙ СМИРНОВ\n",
        "a@example.com,ФИРМА РОМАШКА",
    ),
    "koi8_r": ("email,имя\nivan@example.com,Иван Петров\n",),
    "mac_cyrillic": ("email;имя\na@example.com;Иван Петров\n",),
    "cp932": (
        "email,name\ntaro@example.com,山田太郎\n",
        "メール,名前\na@example.com,佐藤 花子\nb@example.com,スズキ\n",
        "a@example.com,東京",
    ),
    "euc_jp": ("email,name\ntaro@example.com,山田太郎\nb@example.com,佐藤 花子\n", "a@example.com,鈴木一郎"),
    "gb18030": ("email,姓名\na@example.com,王小明\nb@example.com,李伟\n", "a@example.com,上海"),
    "cp950": ("email,姓名\na@example.com,王小明\nb@example.com,陳怡君\n", "a@example.com,林志玲"),
    "cp949": ("email,이름\na@example.com,김민수\nb@example.com,박지영\n", "a@example.com,서울"),
    "mac_roman": (
        "email,name\nzoe@example.com,Zoë\n",
        "email,name\na@example.com,François Müller\nb@example.com,Hélène Çelik\n",
        "a@example.com,Åsa Öberg",
        "a@example.com,Größe",
        "a@example.com,Straße",
        "a@example.com,Díaz",
        "email,name\na@example.com,María García\nb@example.com,Martínez\n",
    ),
    "cp1252": (
        "email,name\nzoe@example.com,Zoë\n",
        "email,name\na@example.com,François Müller\nb@example.com,Hélène Nuñez\n",
        "Vorname;Nachname;E-Mail;Umsatz\r\nJürgen;Müller;j@example.com;1.250,50 €\r\n",
        "email,name\na@example.com,Søren Ågård\n",
        "email,name\na@example.com,Þórður Jónsson\n",
        "email,name\na@example.com,João Conceição\n",
        "email,name\na@example.com,\u201cSmith\u201d \u2013 O\u2019Neil\n",
        "email;price\na@example.com;5 €\n",
        *("a@example.com,McDonald\u2019s", "a@example.com,O\u2019Neill", "a@example.com,JOE\u2019S"),
        *(
            "a@example.com,don\u2019t",
            "a@example.com,D\u2019Arcy",
            "a@example.com,qu\u2019il",
            "a@example.com,the Smiths\u2019",
        ),
        *("a@example.com,Nell\u2019Arte", "a@example.com,Bäckerei", "a@example.com,Chef d\u2019équipe"),
    ),
    "cp1253": (
        "email,όνομα\na@example.com,Γιώργος Παπαδόπουλος\n",
        "a@example.com,Αθήνα",
        "a@example.com,ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ",
    ),
    "cp1254": ("email,ad\na@example.com,Şükrü Gündoğdu\nb@example.com,İbrahim\n",),
    "cp1255": ("email,שם\na@example.com,דוד כהן\n", "a@example.com,משה לוי"),
    "cp1256": ("email,الاسم\na@example.com,محمد علي\n", "a@example.com,القاهرة"),
    "cp1257": ("email;vardas\na@example.com;Žydrūnas Kazlauskas\nb@example.com;Rūta Šimkutė\n",),
    "cp874": ("email,ชื่อ\na@example.com,สมชาย ใจดี\n", "a@example.com,ธนาคารกสิกรไทย"),
    "cp850": ("email;name\na@example.com;Jürgen Müller\n",),
    "cp852": ("email;imie\na@example.com;Łukasz Żółć\n",),
    "cp866": ("email;имя\na@example.com;Иван Петров\n",),
    "koi8_u": ("email;імя\na@example.com;Іван Їжак\n", "a@example.com,Олексій Гнатюк", "a@example.com,Євген Ткач"),
    "iso8859_5": ("email;имя\na@example.com;Иван Петров\n", "a@example.com,Ольга Смирнова"),
    "iso8859_7": ("email,όνομα\na@example.com,Άννα Παπαδοπούλου\n", "a@example.com,Άγγελος Νικολάου"),
    "iso8859_15": (
        "email;price\na@example.com;5 €\n",
        "email;nom;prix\na@example.com;Cœur d'Or;20 €\nb@example.com;Béatrice Lefèvre;30€\n",
        "email,nimi\na@example.com,Šarlotta Žák\nb@example.com,5 €",
    ),
    "iso2022_jp": ("email,名前\na@example.com,田中 健\n", "a@example.com,鈴木"),
    "utf-32": ("email,name\na@example.com,Zoë\n", "email,名前\na@example.com,田中\n"),
    "utf-32-le": ("email,name\na@example.com,Zoë\n",),
    "utf-32-be": ("email,name\na@example.com,Zoë\n",),
    "iso8859_2": ("email;jmeno\na@example.com;Tomáš Žák\n",),
    "utf-8": ("email,name\na@example.com,Zoë\n",),
    "utf-16": ("email,name\na@example.com,Zoë\n",),
    "utf-16-le": (
        "email,name\na@example.com,Zoë\n",
        "メール,名前,会社\r\na@b.jp,鈴木一郎,第一東京株式会社大阪支社営業部第一課一係\r\n",
        "почта,имя,компания\r\na@b.ru,Иван Петров,Общество Ромашка и партнёры\r\n",
    ),
    "utf-16-be": (
        "email,name\na@example.com,Zoë\n",
        "メール,名前,会社\r\na@b.jp,鈴木一郎,第一東京株式会社大阪支社営業部第一課一係\r\n",
        "邮箱\t姓名\t公司\r\na@b.cn\t王小明\t上海第一百货商店股份有限公司一部\r\n",
    ),
}


@pytest.mark.parametrize(("codec", "text"), [(codec, text) for codec, texts in LISTS.items() for text in texts])
def test_the_encoding_is_found_and_told(codec: str, text: str) -> None:
    file = io.BytesIO(text.encode(codec))
    assert b"".join(utf8(file)).decode() == text
    assert describe_csv(file)[0].encoding == encodings.NAMES[codec]
    assert from_csv(file).reading.encoding == encodings.NAMES[codec]


@pytest.mark.parametrize("codec", ["cp1250", "cp1252", "cp932", "utf-8", "utf-16", "utf-32", "iso2022_jp"])
def test_the_one_that_is_named_is_taken(codec: str) -> None:
    text = LISTS[codec][0]
    asked = Asked(encoding=encodings.NAMES[codec])
    names = [list(each.fields.values()) for each in from_csv(io.BytesIO(text.encode(codec)), asked=asked)]
    assert [list(each.fields.values()) for each in from_csv(io.BytesIO(text.encode()))] == names


@pytest.mark.parametrize(("named", "why"), [("Klingon", "Windows-1252"), ("Shift_JIS", "some of its bytes")])
def test_one_that_is_not_known_or_not_that_of_the_file_is_refused(named: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        from_csv(
            io.BytesIO("email,name\na@example.com,Zo\xeb".encode("cp1252") + b"\xff\xff"), asked=Asked(encoding=named)
        )
    assert why in error.value.fields["encoding"]


@pytest.mark.parametrize(
    ("end", "right"),
    [(b"jose@example.com,Jos\xe9\n", "José"), ("last@example.com,Zoë".encode()[:-1], "Zo\N{REPLACEMENT CHARACTER}")],
)
def test_a_few_bad_bytes_spoil_their_own_rows_alone_and_these_are_named(end: bytes, right: str) -> None:
    content = ("email,name\n" + "".join(f"zoe{n}@example.com,Zoë\n" for n in range(10_000))).encode() + end
    read = from_csv(io.BytesIO(content))
    names = [each.fields["name"] for each in read]
    assert names == ["Zoë"] * 10_000 + [right]
    assert read.reading.encoding == "UTF-8"
    assert [(each.row, each.what) for each in read.first_repaired] == [
        (10_002, "bytes that are no UTF-8 read as Windows-1252")
    ]
    shape, _ = describe_csv(io.BytesIO(content))
    assert (shape.encoding, shape.ill_rows) == ("UTF-8", [10_002])
    assert b"".join(utf8(io.BytesIO(content))).decode().rstrip().endswith(right)


@pytest.mark.parametrize(
    ("right", "ill"),
    [
        ("Zoë", "José"),
        ("Zoë\nRenée", "Café"),
        ("Zoë", "José Muñoz"),
        ("山田", "Café"),
        ("Пётр Иванов", "Café"),
        ("สมชาย", "Müller"),
    ],
)
def test_a_bad_byte_spoils_nothing_else_in_a_short_list(right: str, ill: str) -> None:
    content = f"a@example.com,{right}\n".replace("Renée", "b@example.com,Renée").encode()
    read = from_csv(io.BytesIO(content + f"c@example.com,{ill}\n".encode("cp1252")))
    assert [each.fields["column_2"] for each in read] == [*right.split("\n"), ill]
    assert read.reading.encoding == "UTF-8"
    assert read.repaired == 1


def test_a_bad_byte_in_an_address_is_no_letter_of_it() -> None:
    content = "email,name\nzoe@example.com,Zoë\nzoé@example.com,Zoë\n".encode() + b"jos\xe9@example.com,x\n"
    read = from_csv(io.BytesIO(content))
    assert [each.address for each in read] == ["zoe@example.com", "zoé@example.com"]
    assert [(each.row, each.email) for each in read.rejected] == [(4, "josé@example.com")]


def test_a_late_byte_counts_and_a_large_file_takes_no_memory_for_it() -> None:
    lines = "email,name\n" + "".join(f"a{n}@example.com,Ann\n" for n in range(100_000)) + "zoe@example.com,Žižka\n"
    assert list(from_csv(io.BytesIO(lines.encode("cp1250"))))[-1].fields == {"name": "Žižka"}


def test_three_rows_are_shown_as_they_were_read() -> None:
    text = "email,name\n" + "".join(f"a{n}@example.com,Jiří {n}\n" for n in range(5))
    reading = from_csv(io.BytesIO(text.encode("cp1250"))).reading
    assert [(row.row, row.cells) for row in reading.first] == [
        (2, ["a0@example.com", "Jiří 0"]),
        (3, ["a1@example.com", "Jiří 1"]),
        (4, ["a2@example.com", "Jiří 2"]),
    ]
