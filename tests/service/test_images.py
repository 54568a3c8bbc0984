"""Images by exact version, and the script that adds digests, against a registry of our own on loopback."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("Dockerfile", "deploy/pgbouncer/Dockerfile", "compose.yaml")
IMAGES = {"library/python", "library/debian", "library/postgres", "axllent/mailpit"}


def test_every_image_is_named_by_its_exact_version() -> None:
    for file in FILES:
        text = (ROOT / file).read_text()
        named = re.findall(r"^(?:ARG \w+=|FROM |\s+image: )([\w./-]+:[\w.-]+)", text, re.MULTILINE)
        assert named, file
        for image in named:
            assert re.search(r":(local|v?\d+(\.\d+)+(-[\w-]+)?|\w+-\d{8}(-\w+)?)$", image), f"{file}: {image}"
        assert not re.search(r"^(?:FROM|\s+image:) (?!\$\{)[\w./-]+\s", text, re.MULTILINE), file


class Registry(BaseHTTPRequestHandler):
    """Wants a token, as Docker Hub does from everybody."""

    server: Any

    def do_GET(self) -> None:
        registry = f"http://127.0.0.1:{self.server.server_port}"
        if self.path.startswith("/token?"):
            assert "service=fake" in self.path
            self._answer(200, json.dumps({"token": "t"}).encode())
        elif self.headers["Authorization"] != "Bearer t":
            scope = f"repository:{self.path.split('/manifests')[0].removeprefix('/v2/')}:pull"
            challenge = f'Bearer realm="{registry}/token",service="fake",scope="{scope}"'
            self._answer(401, b"", {"WWW-Authenticate": challenge})
        elif (found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", self.path)) and found[1] in self.server.images:
            assert "image.index" in self.headers["Accept"]
            body = f"{found[1]}:{found[2]}{self.server.release}".encode()
            told = hashlib.sha256(body + self.server.lie).hexdigest()
            self._answer(200, body, {"Docker-Content-Digest": f"sha256:{told}"})
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the tests' output."""


@pytest.fixture
def registry() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        for name, value in {"images": set(IMAGES), "release": "", "lie": b""}.items():
            setattr(server, name, value)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


class Checkout:
    def __init__(self, folder: Path, registry: Any) -> None:
        self.folder = folder
        self._registry = registry
        for file in (*FILES, "deploy/pin_images.py"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)

    def pin(self, *options: str) -> subprocess.CompletedProcess[str]:
        url = f"http://127.0.0.1:{self._registry.server_port}"
        command = [sys.executable, self.folder / "deploy/pin_images.py", "--registry", url, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- ours

    def text(self) -> str:
        return "\n".join((self.folder / file).read_text() for file in FILES)


@pytest.fixture
def checkout(tmp_path: Path, registry: Any) -> Checkout:
    return Checkout(tmp_path, registry)


def test_the_script_writes_each_digest_behind_its_name(checkout: Checkout) -> None:
    before = re.sub(r"@sha256:\w+", "", checkout.text())
    ended = checkout.pin()
    assert ended.returncode == 0, ended.stderr
    pinned = dict(re.findall(r"(?<![\w/])([\w./-]+:[\w.-]+)@(sha256:[0-9a-f]{64})", checkout.text()))
    assert {name.partition(":")[0] for name in pinned} == {name.removeprefix("library/") for name in IMAGES}
    for image, digest in pinned.items():
        full = image if "/" in image else f"library/{image}"
        assert digest == f"sha256:{hashlib.sha256(full.encode()).hexdigest()}"
    assert re.sub(r"@sha256:\w+", "", checkout.text()) == before  # and changes nothing else
    assert "reachinbox:local\n" in checkout.text()
    assert checkout.pin("--check").returncode == 0


def test_it_notices_an_image_that_was_published_anew(checkout: Checkout, registry: Any) -> None:
    assert checkout.pin("--check").returncode == 1
    checkout.pin()
    pinned = checkout.text()
    registry.release = " once more"
    assert checkout.pin("--check").returncode == 1
    assert checkout.text() == pinned
    assert checkout.pin().returncode == 0
    assert checkout.pin("--check").returncode == 0


def test_what_a_registry_does_not_have_or_says_wrong_is_an_error_and_writes_nothing(
    checkout: Checkout, registry: Any
) -> None:
    before = checkout.text()
    registry.images.remove("library/python")
    ended = checkout.pin()
    assert (ended.returncode, checkout.text()) == (2, before)
    assert "Dockerfile: library/python:" in ended.stderr
    assert "answered 404" in ended.stderr
    registry.images.add("library/python")
    registry.lie = b"!"
    ended = checkout.pin()
    assert (ended.returncode, checkout.text()) == (2, before)
    assert "another manifest than it says" in ended.stderr
