"""Settings: from the environment, checked across fields, every mistake named at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import structs

from app.domain.operations.host_policy import HostPolicy
from app.settings import SUBMISSION_PORTS, Settings, SettingsError, check_secret_key, from_env

ROOT = Path(__file__).parents[2]
VARIABLES = {"REACHINBOX_DATA_DIR" if name == "data_dir" else name.upper() for name in Settings.__struct_fields__}
VARIABLES.remove("EMBEDDED")  # for `up` to tell its children, not for people
VARIABLES.add("OTEL_EXPORTER_OTLP_ENDPOINT")  # which OpenTelemetry reads by itself


def problems(env: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        from_env(env)
    return caught.value.problems


def test_nothing_set_is_the_defaults() -> None:
    assert from_env({}) == Settings()


def test_empty_counts_as_unset() -> None:
    assert from_env({"DATABASE_URL": "", "PORT": ""}) == Settings()


def test_values_are_read_by_their_types() -> None:
    settings = from_env({"PORT": "8080", "ALLOW_REGISTRATION": "no", "REACHINBOX_DATA_DIR": "/data"})
    assert (settings.port, settings.allow_registration, settings.data_dir) == (8080, False, Path("/data"))


def test_the_base_url_follows_host_and_port() -> None:
    assert from_env({"HOST": "127.0.0.2", "PORT": "80"}).base_url == "http://127.0.0.2:80"
    assert from_env({"HOST": "::1"}).base_url == "http://[::1]:3000"
    assert from_env({"BASE_URL": "https://mail.example.com", "PORT": "80"}).base_url == "https://mail.example.com"


@pytest.mark.parametrize("url", ["https://mail.example.com", "http://10.0.0.5:8080", "http://[::1]:3000"])
def test_a_base_url_is_an_address_without_a_slash_behind_it(url: str) -> None:
    assert from_env({"BASE_URL": url}).base_url == url
    assert from_env({"BASE_URL": f"{url}/"}).base_url == url
    assert from_env({"BASE_URL": url.upper()}).base_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mail.example.com", "it begins with https:// (or http://) and a host"),
        ("mail.example.com:3000", "it begins with https:// (or http://) and a host"),
        ("ftp://mail.example.com", "it begins with https:// (or http://) and a host"),
        ("https://", "it begins with https:// (or http://) and a host"),
        ("https:///mail", "it begins with https:// (or http://) and a host"),
        ("https://example.com/mail", "the dashboard is at the root of a host"),
        ("https://example.com/mail/", "the dashboard is at the root of a host"),
        ("https://example.com?x=1", "the dashboard is at the root of a host"),
        ("https://example.com#x", "the dashboard is at the root of a host"),
        ("https://ann:secret@example.com", "a login does not belong there"),
        ("https://example.com:99999", "Port out of range"),
        ("https://example.com:x", "Port could not be cast"),
        ("https://exa mple.com", "without blanks"),
        ("https://münchen.example", "give it in ASCII"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("https://mail..example.com", "its host is none"),
        ("https://mail.example.com:", "its host is none"),
        ("https://mail.example.com\\x", "its host is none"),
    ],
)
def test_a_base_url_under_which_nobody_finds_a_page_is_refused(url: str, why: str) -> None:
    (problem,) = problems({"BASE_URL": url})
    assert problem.startswith(f"BASE_URL: {url.rstrip('/')!r} is not right: ")
    assert why in problem


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "mail.example.com"])  # noqa: S104 -- not bound to
def test_a_host_that_others_reach_needs_a_base_url(host: str) -> None:
    (problem,) = problems({"HOST": host})
    assert problem.startswith(f"HOST: other machines reach {host}, and BASE_URL is not set; set it to")
    assert from_env({"HOST": host, "BASE_URL": "http://localhost:3000"}).is_local


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    assert from_env({"SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == "from a file"  # noqa: S105


def test_a_secret_given_twice_or_not_there_is_refused(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert problems({"SECRET_KEY": "a", "SECRET_KEY_FILE": missing}) == [
        "SECRET_KEY and SECRET_KEY_FILE are both set; keep one"
    ]
    (tmp_path / "empty").write_text(" \n")
    assert problems({"DATABASE_URL_FILE": str(tmp_path / "empty")}) == [
        f"DATABASE_URL_FILE: {tmp_path / 'empty'} is empty; fill it, or leave DATABASE_URL_FILE out"
    ]
    (tmp_path / "raw").write_bytes(bytes(range(128, 160)))
    assert problems({"SECRET_KEY_FILE": str(tmp_path / "raw")}) == [
        f"SECRET_KEY_FILE: {tmp_path / 'raw'} is not text; for a key: openssl rand -base64 32"
    ]
    assert problems({"SECRET_KEY_FILE": missing}) == [
        f"SECRET_KEY_FILE: cannot read {missing}: No such file or directory"
    ]


def test_every_mistake_is_named() -> None:
    named = problems({"PORT": "http", "SMTP_SECURITY": "ssl", "WORKER_CONCURRENCY": "many"})
    assert [problem.split(":")[0] for problem in named] == ["PORT", "SMTP_SECURITY", "WORKER_CONCURRENCY"]


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({"DATABASE_URL": "postgresql://x/y", "DATABASE_POOLER_URL": "mysql://x"}, "DATABASE_POOLER_URL: must begin"),
        ({"DATABASE_POOLER_URL": "postgresql://x/y"}, "DATABASE_URL is not"),
        ({"PORT": "0"}, "PORT"),
        ({"SMTP_PORT": "70000"}, "SMTP_PORT"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u:p%zz@h/d"}, "DATABASE_URL: PostgreSQL does not understand it"),
        ({"DATABASE_URL": "postgresql://u:p@ss@h/d"}, "DATABASE_URL: PostgreSQL does not understand it"),
        ({"DATABASE_URL": "postgresql://u:ab/cd+ef=@h/d"}, "write what is special in a password as %XX"),
        ({"DATABASE_URL": "postgresql://u:p@h/d?pgbouncer=true"}, "leave out parameters"),
        ({"WORKER_CONCURRENCY": "0"}, "WORKER_CONCURRENCY"),
        ({"RETENTION_EMAILS_DAYS": "-1"}, "RETENTION_EMAILS_DAYS"),
        ({"RETENTION_SANDBOX_DAYS": "36501"}, "RETENTION_SANDBOX_DAYS"),
        ({"WORKER_LEASE_SECONDS": "0"}, "WORKER_LEASE_SECONDS"),
        ({"SMTP_HOST": "h", "SMTP_USERNAME": "u"}, "SMTP_PASSWORD"),
        ({"SMTP_USERNAME": "u", "SMTP_PASSWORD": "p"}, "SMTP_HOST"),
        ({"GOOGLE_CLIENT_ID": "i"}, "GOOGLE_CLIENT_SECRET"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_what_does_not_go_together_is_refused(env: dict[str, str], word: str) -> None:
    (problem,) = problems(env)
    assert word in problem


def test_the_example_file_lists_every_variable_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(re.findall(r"^#([A-Z_]+)=(.*)$", "\n".join(lines), re.MULTILINE))
    assert named.keys() == VARIABLES
    for name, value in named.items():
        if value:
            assert from_env({name: value}) == Settings(), name


def test_the_readme_lists_every_variable() -> None:
    table = "\n".join(re.findall(r"^\|.*", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert set(re.findall(r"`([A-Z_]+)`", table)) >= VARIABLES


def test_a_database_of_ones_own_needs_a_secret_key_of_ones_own(tmp_path: Path) -> None:
    own = Settings(database_url="postgresql://db", data_dir=tmp_path, base_url="https://mail.example.com")
    with pytest.raises(SettingsError, match="SECRET_KEY is not set but DATABASE_URL is"):
        check_secret_key(own)
    trial = structs.replace(own, base_url="http://127.0.0.1:3000")
    for well in (Settings(), trial, structs.replace(own, secret_key="k"), structs.replace(own, embedded=True)):  # noqa: S106
        check_secret_key(well)


def test_ports_are_a_list_or_any() -> None:
    assert from_env({"SMTP_ALLOWED_PORTS": "587, 2587"}).smtp_allowed_ports == {587, 2587}
    assert from_env({"SMTP_ALLOWED_PORTS": "*"}).smtp_allowed_ports is None
    assert from_env({"SMTP_ALLOWED_PORTS": ""}).smtp_allowed_ports == {25, 465, 587, 2525}
    for wrong in ("smtp", "25;465", "0", "587,70000", "25,"):
        (problem,) = problems({"SMTP_ALLOWED_PORTS": wrong})
        assert problem.startswith(f"SMTP_ALLOWED_PORTS: {wrong!r} is not right: ")


@pytest.mark.parametrize(
    ("env", "private", "ports", "imap_ports"),
    [
        ({}, True, None, None),  # a trial on one's own machine
        ({"BASE_URL": "https://mail.example.com"}, False, {25, 465, 587, 2525}, {143, 993}),
        ({"SMTP_ALLOW_PRIVATE": "false"}, False, {25, 465, 587, 2525}, {143, 993}),
        ({"BASE_URL": "https://mail.example.com", "SMTP_ALLOW_PRIVATE": "yes"}, True, SUBMISSION_PORTS, {143, 993}),
        ({"SMTP_ALLOWED_PORTS": "587", "IMAP_ALLOWED_PORTS": "993"}, True, {587}, {993}),
    ],
)
def test_senders_servers_are_free_in_a_trial_and_checked_elsewhere(
    env: dict[str, str], private: bool, ports: set[int] | None, imap_ports: set[int] | None
) -> None:
    assert HostPolicy.of(from_env(env)) == (private, ports, imap_ports)
