"""What compose.yaml promises beyond its form, which `make check-compose` holds against the specification's schema."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import _parser  # pyright: ignore[reportPrivateUsage]
from app.settings import from_env

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
        key: re.sub(r"^/run", str(tmp_path), value)
        for key, value in SERVICES["api"]["environment"].items()
        if "${" not in value
    }
    settings = from_env({key: value for key, value in env.items() if key != "<<"})
    for url in (settings.database_url, settings.database_pooler_url):
        assert url is not None
        assert made["postgres_password"] in url
    assert settings.secret_key == made["secret_key"]
