"""Every setting in one frozen struct, read from the environment once and checked across fields.

A secret may come as NAME or, from a file (a Docker or Kubernetes secret), as NAME_FILE.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

SmtpSecurity = Literal["none", "starttls", "tls"]
LogFormat = Literal["console", "json"]
AfterFailover = Literal["ask", "continue"]
BOOLS: tuple[object, ...] = (bool, bool | None)
PATHS: tuple[object, ...] = (Path, Path | None)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_MACHINE = LOOPBACK | {"", "0.0.0.0", "::"}  # noqa: S104 -- the latter as HOST, and so in BASE_URL
Ports = frozenset[int] | None  # None: any
MOST_DAYS = 36_500
MOST_RETRY_HOURS = 24 * 365
MOST_WATCHED = 1_000
MOST_QUOTA = 1_000_000_000
SUBMISSION_PORTS = frozenset({25, 465, 587, 2525})
READING_PORTS = frozenset({143, 993})


class SettingsError(Exception):
    """The configuration is wrong; `problems` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    database_url: str | None = None  # unset: an embedded Postgres under data_dir
    database_pooler_url: str | None = None  # the same database through a pooler in transaction mode, for the API
    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = 3000
    base_url: str = "http://127.0.0.1:3000"
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks whose X-Forwarded-For is believed
    embedded: bool = False  # told by `up` to its children: database_url is the embedded Postgres
    secret_key: str | None = None  # unset: made once and kept under data_dir
    secret_key_previous: str | None = None  # keys from before, one a line or with commas between them
    # The fallback server, for senders without credentials of their own.
    smtp_host: str | None = None  # unset: the built-in sandbox mailbox
    smtp_port: int = 587
    smtp_username: str | None = None
    smtp_password: str | None = None
    smtp_security: SmtpSecurity = "starttls"
    smtp_ca_file: Path | None = None  # certificate authorities to trust beside the system's, of SMTP and IMAP servers
    smtp_ehlo_name: str | None = None  # unset: BASE_URL's host if it is public, else the domain of the sender's address
    # Where senders' own servers may be.
    smtp_allow_private: bool | None = None  # unset: as `is_local`
    smtp_allowed_ports: Ports = SUBMISSION_PORTS
    imap_allowed_ports: Ports = READING_PORTS
    worker_concurrency: int = 64  # lanes (SMTP connections) per worker process
    worker_lease_seconds: float = 20.0  # how long a worker that died goes unnoticed
    after_failover: AfterFailover = "ask"  # `continue` where a standby that is promoted has all that was committed
    default_emails_per_hour: int = 100
    max_attempts: int | None = None  # of an email that is refused for now; unset: as retry_for_hours allows
    retry_for_hours: float = 96  # how long such an email is tried again
    inbox_poll_seconds: float = 120  # between two looks at a mailbox
    inbox_watch_connections: int = 50  # mailboxes of which a worker process is told at once what comes (IDLE)
    # How long what is over is kept, in days; 0: for good.
    retention_emails_days: int = 0  # emails of campaigns that ended, with their attempts
    retention_attempts_days: int = 0  # attempts alone
    retention_sandbox_days: int = 30
    retention_stats_days: int = 400
    retention_responses_days: int = 400
    # The most that one workspace may have; 0: any number.
    quota_senders: int = 1_000
    quota_keys: int = 1_000
    quota_campaigns_a_day: int = 10_000
    quota_stored_megabytes: int = 20_000
    quota_suppressions: int = 5_000_000
    google_client_id: str | None = None
    google_client_secret: str | None = None
    oidc_issuer: str = "https://accounts.google.com"
    google_allowed_domains: tuple[str, ...] = ()  # of verified addresses; empty: all
    # Mailboxes that are connected by OAuth: Google's with the client above, Microsoft's, and those of a file.
    microsoft_client_id: str | None = None
    microsoft_client_secret: str | None = None
    microsoft_tenant: str = "common"  # or an id or a domain: of one organization alone
    mail_providers_file: Path | None = None
    dns_servers: tuple[str, ...] = ()  # addresses, each with or without :port; none: the system's
    allow_registration: bool = True
    allow_internal_domains: tuple[str, ...] = ()  # of recipients, beside those of the world: corp.local, a host's name
    metrics_token: str | None = None  # unset: /metrics is open as long as `is_local`, and otherwise not there
    worker_metrics_port: int | None = None  # unset: a worker listens nowhere
    log_format: LogFormat = "console"
    log_level: str = "INFO"

    @property
    def is_local(self) -> bool:
        """Whether it is only there for people on this very machine: a trial, or a test."""
        return urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def one_click(self) -> bool:
        """Whether mail programs and their servers reach the page to unsubscribe (RFC 8058): over https, by a name or
        address of the world.
        """
        parts = urlsplit(self.base_url)
        host = (parts.hostname or "").removesuffix(".")
        try:
            is_public = ip_address(host).is_global
        except ValueError:
            is_public = is_public_name(host)
        return parts.scheme == "https" and is_public

    @property
    def named_host(self) -> str | None:
        """The host of BASE_URL, by which an installation is told from another; None: a name for any machine."""
        host = (urlsplit(self.base_url).hostname or "").removesuffix(".")
        return None if host in ANY_MACHINE else host

    @property
    def ehlo_name(self) -> str | None:
        """How we introduce ourselves to SMTP servers (RFC 5321, section 4.1.1.1); None: by each sender's own domain."""
        if self.smtp_ehlo_name is not None:
            return self.smtp_ehlo_name
        host = (urlsplit(self.base_url).hostname or "").removesuffix(".")
        return host if is_public_name(host) else None

    @property
    def sandboxed(self) -> bool:
        """Whether mail without a server of its own goes to the built-in sandbox mailbox."""
        return self.smtp_host is None


_FULL_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9-]{2,63}")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
_ADDRESS_LITERAL = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-fA-F:.]+)\]")
_PRIVATE_DOMAINS = {"arpa", "corp", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost", "test"}
_SECRETS = {
    "DATABASE_URL",
    "DATABASE_POOLER_URL",
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "SMTP_USERNAME",
    "SMTP_PASSWORD",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_CLIENT_SECRET",
    "MICROSOFT_CLIENT_ID",
    "MICROSOFT_CLIENT_SECRET",
    "METRICS_TOKEN",
}
_NAMES = {field: field.upper() for field in Settings.__struct_fields__} | {
    "data_dir": "REACHINBOX_DATA_DIR",
    "embedded": "REACHINBOX_EMBEDDED",
}


def from_env(env: Mapping[str, str] | None = None) -> Settings:
    """Read settings from `env` (default: the process's). Empty values count as unset.

    Raises SettingsError naming every variable that is wrong, not just the first.
    """
    env = os.environ if env is None else env
    problems: list[str] = []
    raw: dict[str, str] = {}
    for field, name in _NAMES.items():
        value = env.get(name, "")
        file = env.get(f"{name}_FILE", "") if name in _SECRETS else ""
        if value and file:
            problems.append(f"{name} and {name}_FILE are both set; keep one")
        elif file:
            try:
                value = Path(file).read_text().strip()
            except OSError as error:
                problems.append(f"{name}_FILE: cannot read {file}: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{name}_FILE: {file} is not text; for a key: openssl rand -base64 32")
            else:
                if not value:
                    problems.append(f"{name}_FILE: {file} is empty; fill it, or leave {name}_FILE out")
        if value:
            raw[field] = value
    if "base_url" not in raw:
        try:
            raw["base_url"] = _own_url(raw.get("host", "127.0.0.1"), raw.get("port", "3000"))
        except ValueError as error:
            problems.append(str(error))
    else:  # what is put behind it begins with a slash; it is compared as browsers write it
        raw["base_url"] = raw["base_url"].rstrip("/").lower()
    fields: dict[str, object] = {}
    for info in msgspec.structs.fields(Settings):
        if info.name in raw:
            try:
                fields[info.name] = _decode(raw[info.name], info.type)
            except ValueError as error:
                problems.append(f"{_NAMES[info.name]}: {error}")
    if not problems:
        settings = Settings(**fields)  # pyright: ignore[reportArgumentType] -- decoded by field type above
        problems = _cross_checks(settings)
        if not problems:
            return settings
    raise SettingsError(problems)


def _own_url(host: str, port: str) -> str:
    """The BASE_URL unless it is set. Raises ValueError where others reach the API: nobody said by which name."""
    if not _is_loopback(host):
        raise ValueError(
            f"HOST: other machines reach {host}, and BASE_URL is not set; set it to the address that people use, such "
            "as https://mail.example.com, or, for a trial, to http://localhost:3000"
        )
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_secret_key(settings: Settings) -> None:
    """Check the key, before API and worker start: where this is not just a trial on this machine, a database that
    others may share needs a key that others have.

    Raises SettingsError.
    """
    shared = settings.database_url is not None and not settings.embedded and not settings.is_local
    if shared and settings.secret_key is None:
        raise SettingsError(
            [
                "SECRET_KEY is not set but DATABASE_URL is; give every process the same key, a new one "
                f"(`openssl rand -base64 32`) or the one that {settings.data_dir / 'secret_key'} may hold"
            ]
        )


def is_public_name(host: str) -> bool:
    """Whether it is a full domain name, and not of a kind that only one network knows (RFC 6761, 6762, 8375)."""
    return _FULL_NAME.fullmatch(host.lower()) is not None and host.lower().rpartition(".")[2] not in _PRIVATE_DOMAINS


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The authorities by whom we know servers: the system's and, with `ca_file`, those of it."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def is_confidential(url: str) -> bool:
    """Whether what is sent there is for its eyes only: HTTPS, or it does not leave the machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    loopback = host in LOOPBACK
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))


def name_server(text: str) -> tuple[str, int]:
    """The address and port of one of DNS_SERVERS. Raises ValueError."""
    if text.startswith("[") or text.count(":") == 1:
        address, _, port = text.removeprefix("[").rpartition(":")
    else:
        address, port = text, "53"
    number = int(port)
    if not 0 < number < 65536:
        raise ValueError(port)
    return str(ip_address(address.removesuffix("]"))), number


def _decode(value: str, kind: object) -> object:
    if kind in PATHS:
        return Path(value)
    if kind == tuple[str, ...]:
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if kind == Ports:
        return _ports(value)
    if kind in BOOLS and value.lower() in {"true", "yes", "on"}:
        return True
    if kind in BOOLS and value.lower() in {"false", "no", "off"}:
        return False
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{value!r} is not right: {error}") from None


def _ports(value: str) -> Ports:
    if value == "*":
        return None
    try:
        ports = frozenset(int(port) for port in value.split(","))
    except ValueError:
        raise ValueError(f"{value!r} is not right: give ports with commas between them, or * for any") from None
    if not all(0 < port < 65536 for port in ports):
        raise ValueError(f"{value!r} is not right: ports are 1 to 65535")
    return ports


def _cross_checks(s: Settings) -> list[str]:
    return [*_wrong_numbers(s), *_wrong_words(s), *_wrong_together(s)]


def _wrong_numbers(s: Settings) -> list[str]:
    problems: list[str] = []
    for name, port in (("PORT", s.port), ("SMTP_PORT", s.smtp_port), ("WORKER_METRICS_PORT", s.worker_metrics_port)):
        if port is not None and not 0 < port < 65536:
            problems.append(f"{name}: {port} is not a port; give 1 to 65535")
    for name, count in (
        ("WORKER_CONCURRENCY", s.worker_concurrency),
        ("DEFAULT_EMAILS_PER_HOUR", s.default_emails_per_hour),
        ("MAX_ATTEMPTS", s.max_attempts),
    ):
        if count is not None and count < 1:
            problems.append(f"{name}: {count} is too small; give 1 or more")
    for name, days in (
        ("RETENTION_EMAILS_DAYS", s.retention_emails_days),
        ("RETENTION_ATTEMPTS_DAYS", s.retention_attempts_days),
        ("RETENTION_SANDBOX_DAYS", s.retention_sandbox_days),
        ("RETENTION_STATS_DAYS", s.retention_stats_days),
        ("RETENTION_RESPONSES_DAYS", s.retention_responses_days),
    ):
        if not 0 <= days <= MOST_DAYS:
            problems.append(f"{name}: {days} is out of range; give 1 to {MOST_DAYS}, or 0 to keep for good")
    for name, most in (
        ("QUOTA_SENDERS", s.quota_senders),
        ("QUOTA_KEYS", s.quota_keys),
        ("QUOTA_CAMPAIGNS_A_DAY", s.quota_campaigns_a_day),
        ("QUOTA_STORED_MEGABYTES", s.quota_stored_megabytes),
        ("QUOTA_SUPPRESSIONS", s.quota_suppressions),
    ):
        if not 0 <= most <= MOST_QUOTA:
            problems.append(f"{name}: {most} is out of range; give 1 to {MOST_QUOTA}, or 0 for any number")
    if not 0 <= s.retry_for_hours <= MOST_RETRY_HOURS:
        problems.append(f"RETRY_FOR_HOURS: {s.retry_for_hours:g} is out of range; give 0 to {MOST_RETRY_HOURS}")
    if not 1 <= s.inbox_poll_seconds <= 86_400:
        problems.append(f"INBOX_POLL_SECONDS: {s.inbox_poll_seconds:g} is out of range; give 1 to 86400")
    if not 0 <= s.inbox_watch_connections <= MOST_WATCHED:
        problems.append(
            f"INBOX_WATCH_CONNECTIONS: {s.inbox_watch_connections} is out of range; give 0 to {MOST_WATCHED}"
        )
    if s.worker_lease_seconds < 1:
        problems.append(f"WORKER_LEASE_SECONDS: {s.worker_lease_seconds} is too short; give 1 or more")
    return problems


def _wrong_words(s: Settings) -> list[str]:
    problems: list[str] = []
    for name, url in (("DATABASE_URL", s.database_url), ("DATABASE_POOLER_URL", s.database_pooler_url)):
        if url is not None and not url.startswith(("postgres://", "postgresql://")):
            problems.append(f"{name}: must begin with postgres:// or postgresql://")
        elif url is not None:
            try:
                conninfo_to_dict(url)
                where = url.partition("://")[2].partition("?")[0]
                if where.count("@") > 1 or "@" in where.partition("/")[2]:
                    raise ProgrammingError  # of a password, it would be a host, a port or a database
            except ProgrammingError:  # its words repeat parts, such as a password
                problems.append(
                    f"{name}: PostgreSQL does not understand it; write what is special in a password as %XX (% as "
                    "%25), and leave out parameters that are not PostgreSQL's own"
                )
    if problem := _wrong_base_url(s.base_url):
        problems.append(f"BASE_URL: {s.base_url!r} is not right: {problem}")
    name = s.smtp_ehlo_name
    if name is not None and not (_FULL_NAME.fullmatch(name.lower()) or _ADDRESS_LITERAL.fullmatch(name)):
        problems.append(
            f"SMTP_EHLO_NAME: {name!r} is not right: give a full domain name, such as mail.example.com, "
            "or an address in brackets"
        )
    if not is_confidential(s.oidc_issuer):
        problems.append(f"OIDC_ISSUER: {s.oidc_issuer!r} is not right: give an https:// URL (http:// on loopback only)")
    for proxy in s.trusted_proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            problems.append(
                f"TRUSTED_PROXIES: {error}; give addresses and networks with commas between them, such as "
                "127.0.0.1,10.0.0.0/8"
            )
    for domain in s.google_allowed_domains:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)+", domain):
            problems.append(f"GOOGLE_ALLOWED_DOMAINS: {domain!r} is not a domain; give them separated by commas")
    for server in s.dns_servers:
        try:
            name_server(server)
        except ValueError:
            problems.append(f"DNS_SERVERS: {server!r} is not right: give addresses, such as 9.9.9.9 or 127.0.0.1:5353")
    if not re.fullmatch(r"[\w.-]{1,253}", s.microsoft_tenant):
        problems.append(f"MICROSOFT_TENANT: {s.microsoft_tenant!r} is neither an id nor a domain")
    if s.smtp_ca_file is not None:
        try:
            trust(s.smtp_ca_file)
        except OSError as error:  # ssl.SSLError is one
            problems.append(f"SMTP_CA_FILE: cannot read certificates from {s.smtp_ca_file}: {error.strerror or error}")
    for domain in s.allow_internal_domains:
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", domain):
            problems.append(f"ALLOW_INTERNAL_DOMAINS: {domain!r} is not a domain; give them separated by commas")
    if s.log_level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        problems.append(f"LOG_LEVEL: {s.log_level!r} is not one of DEBUG, INFO, WARNING, ERROR")
    return problems


def _wrong_base_url(url: str) -> str:
    """Why pages could not be found there, or links to them; empty: they can."""
    example = "such as https://mail.example.com"
    if not url.isascii() or not url.isprintable() or " " in url:
        return f"give it in ASCII and without blanks, {example}"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 -- it is read here, and may be none
    except ValueError as error:
        return f"{error}; give an address {example}"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"it begins with https:// (or http://) and a host, {example}"
    if parts.netloc.endswith(":") or not (":" in parts.hostname or _HOST.fullmatch(parts.hostname)):
        return f"its host is none; give an address {example}"
    if parts.username is not None or parts.password is not None:
        return "a login does not belong there"
    if parts.path or parts.query or parts.fragment or url.endswith(("?", "#")):
        return f"it ends with the host and its port; the dashboard is at the root of a host, {example}"
    return ""


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port, by which browsers tell pages apart (RFC 6454); None: it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or default


def _wrong_together(s: Settings) -> list[str]:
    problems: list[str] = []
    if s.database_pooler_url is not None and s.database_url is None:
        problems.append("DATABASE_POOLER_URL is set but DATABASE_URL is not; it needs that too, without the pooler")
    if s.worker_metrics_port == s.port:
        problems.append(f"WORKER_METRICS_PORT: {s.port} is the API's PORT; give another")
    if (s.smtp_username is None) != (s.smtp_password is None):
        problems.append("SMTP_USERNAME and SMTP_PASSWORD go together; set both or neither")
    if s.smtp_username is not None and s.smtp_host is None:
        problems.append("SMTP_USERNAME is set but SMTP_HOST is not")
    for name, one, other in (
        ("GOOGLE", s.google_client_id, s.google_client_secret),
        ("MICROSOFT", s.microsoft_client_id, s.microsoft_client_secret),
    ):
        if (one is None) != (other is None):
            problems.append(f"{name}_CLIENT_ID and {name}_CLIENT_SECRET go together; set both or neither")
    return problems
