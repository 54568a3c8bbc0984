"""The promises of compose.yaml beyond its form, which `make check-compose` holds against the specification's schema."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import yaml

from app.cli import _parser  # pyright: ignore[reportPrivateUsage]
from app.db import migrate
from app.embedded import roles
from app.embedded.postgres import EmbeddedPostgres
from app.settings import from_env
from tests.support import clusters
from tests.support.shell import Shell

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service.get("image") == "reachinbox:local"}


def test_by_default_there_is_one_app_and_one_postgres() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {"app", "postgres"}
    assert {p for service in SERVICES.values() for p in service.get("profiles", [])} == {"mailpit", "scale"}


def test_what_a_service_names_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        assert set(service.get("depends_on", {})) <= SERVICES.keys()
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_services_have_no_rights_and_time_to_finish(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["stop_grace_period"] == "130s"
    _parser().parse_args(service.get("command", ["up"]))  # exits with 2 for an unknown command


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_uses_up_is_not_the_hosts(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"] <= 512
    assert "no-new-privileges:true" in service["security_opt"]
    for mounted in service.get("tmpfs", []):  # which is memory
        assert re.fullmatch(r"/tmp:size=\d+m", mounted)  # noqa: S108 -- in a container
    if name in OURS:
        kept = service["volumes"][0].partition(":")[2]
        assert service["environment"]["TMPDIR"] == kept  # where uploads lie while they are read


@pytest.mark.long
def test_the_services_role_is_made_with_the_cluster_and_may_do_nothing_beyond_its_database(tmp_path: Path) -> None:
    """By the script that the image of PostgreSQL runs, with PostgreSQL's own psql."""
    (mounted,) = (volume for volume in SERVICES["postgres"]["volumes"] if "initdb.d" in volume)
    script = ROOT / mounted.partition(":")[0]
    assert script.stat().st_mode & 0o111  # else the image reads it into its own shell, `set -e` and all
    password = 'it\'s \\ "odd" $HOME %s'  # noqa: S105 -- of a test
    (tmp_path / "password").write_text(password + "\n")
    with clusters.server(tmp_path) as postgres:
        _as_the_image_leaves_it(postgres)
        server = urlsplit(postgres.superuser_url)
        env = {
            "PATH": f"{clusters.program('psql').parent}:{os.environ['PATH']}",
            "PASSWORD_FILE": f"{tmp_path}/password",
            "PGHOST": server.hostname or "",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGPASSWORD": "p",
        }
        subprocess.run(["/bin/sh", script], env=env, check=True)  # noqa: S603 -- ours
        url = f"postgresql://reachinbox:{quote(password, safe='')}@{server.hostname}:{server.port}/reachinbox"
        migrate(url)
        ended = Shell(tmp_path / "shell", DATABASE_URL=url, SECRET_KEY="a secret")("doctor")  # noqa: S106 -- of a test
        assert "ok    role: reachinbox, a member of reachinbox_tenant" in ended.stdout
        with psycopg.connect(url) as conn:
            rights = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
            assert conn.execute(f"{rights} WHERE rolname = current_user".encode()).fetchone() == (False,) * 5


def _as_the_image_leaves_it(postgres: EmbeddedPostgres) -> None:
    """With a superuser `postgres`, and nothing of ours."""
    url = postgres.superuser_url.replace("/reachinbox?", "/postgres?")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'p'")
    url = url.replace(urlsplit(url).netloc.partition("@")[0], "postgres:p")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("DROP DATABASE reachinbox")
        conn.execute(f"DROP ROLE {roles.SERVICE}, {roles.TENANT}".encode())
        conn.execute(f"ALTER ROLE {roles.SUPERUSER} RENAME TO of_the_cluster".encode())


def test_the_unit_leaves_the_service_what_it_needs_and_nothing_else() -> None:
    program = shutil.which("systemd-analyze")
    if program is None and "CI" not in os.environ:
        pytest.skip("systemd-analyze is not installed (Debian's package systemd)")
    assert program is not None, "systemd-analyze is not installed"
    unit = ROOT / "deploy" / "reachinbox.service"
    rated = subprocess.run(  # noqa: S603 -- Debian's
        [program, "security", "--offline=true", "--threshold=20", unit], capture_output=True, text=True, check=False
    )
    assert rated.returncode == 0, rated.stdout  # at most 2.0 of 10
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))
    assert (settings["MemoryMax"], settings["TasksMax"], settings["UMask"]) == ("2G", "512", "0077")
    assert "AF_UNIX" in settings["RestrictAddressFamilies"]


def test_an_upgrade_waits_for_workers_that_cannot_stay() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate", "--wait"]
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_no_port_is_open_to_other_hosts() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_secrets_fit_the_settings_and_are_kept(tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "make-secrets.sh"
    script.parent.mkdir()
    script.write_text((ROOT / "deploy" / "make-secrets.sh").read_text())
    subprocess.run(["/bin/sh", script], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 -- ours
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert made.keys() == COMPOSE["secrets"].keys()
    subprocess.run(["/bin/sh", script], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 -- ours
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == made
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    env = {
        key: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", re.sub(r"^/run", str(tmp_path), value))
        for key, value in SERVICES["api"]["environment"].items()
    }
    settings = from_env({key: value for key, value in env.items() if key != "<<"})
    for url in (settings.database_url, settings.database_pooler_url):
        assert url is not None
        assert made["postgres_password"] in url
    assert settings.secret_key == made["secret_key"]
