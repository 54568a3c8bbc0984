"""Debian's Firefox, driven by Marionette, its own protocol: Playwright drives only builds of its own, and Debian has no
geckodriver.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tests.support.ports import free_port
from tests.support.service import until
from tests.support.waiting import BOUND_S

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
WANTED = "needs Firefox (Debian's package firefox-esr)"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # what WebDriver calls a reference to one


class Firefox:
    """A window. It waits for elements that are looked for by CSS."""

    def __init__(self, connection: socket.socket, read: BinaryIO) -> None:
        self._connection = connection
        self._read = read
        self._number = 0
        self._hear()  # a greeting
        self._ask("WebDriver:NewSession")
        self._ask("WebDriver:SetTimeouts", implicit=int(BOUND_S * 1000), pageLoad=int(BOUND_S * 1000))

    def go(self, url: str) -> None:
        self._ask("WebDriver:Navigate", url=url)

    def fill(self, css: str, text: str) -> None:
        self._ask("WebDriver:ElementSendKeys", id=self._find(css), text=text)

    def click(self, css: str) -> None:
        self._ask("WebDriver:ElementClick", id=self._find(css))

    def text(self, css: str) -> str:
        return str(self._ask("WebDriver:GetElementText", id=self._find(css))["value"])

    def value_of(self, script: str) -> Any:
        """The value that a script returns in the page."""
        return self._ask("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def quit(self) -> None:
        self._ask("Marionette:Quit", flags=["eForceQuit"])

    def _find(self, css: str) -> str:
        found = self._ask("WebDriver:FindElement", using="css selector", value=css)
        return str(found["value"][_ELEMENT])

    def _ask(self, command: str, **parameters: object) -> Any:
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._connection.sendall(b"%d:%b" % (len(text), text))
        _, number, error, answer = self._hear()
        assert number == self._number
        assert error is None, f"{command}: {error}"
        return answer

    def _hear(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            more = self._read.read(1)
            assert more, "Firefox has ended"
            length += more
        return json.loads(self._read.read(int(length[:-1])))


@contextmanager
def firefox(folder: Path) -> Generator[Firefox]:
    """A fresh profile in `folder`, without a screen."""
    assert PROGRAM, WANTED
    port = free_port()
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
    command = [PROGRAM, "--headless", "--no-remote", "--profile", str(profile), "--marionette"]
    environment = {"HOME": str(folder), "MOZ_DISABLE_AUTO_SAFE_MODE": "1", "TZ": "Europe/Berlin"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)  # noqa: S603 -- Debian's
    try:
        connection = until(lambda: _connect(process, port), "Firefox listens")
        connection.settimeout(2 * BOUND_S)
        with connection, connection.makefile("rb") as read:
            window = Firefox(connection, read)
            yield window
            window.quit()
            process.wait(BOUND_S)
    finally:
        process.kill()
        process.wait()


def _connect(process: subprocess.Popen[bytes], port: int) -> socket.socket | None:
    assert process.poll() is None, "Firefox has ended"
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=BOUND_S)
    except ConnectionRefusedError:
        return None
