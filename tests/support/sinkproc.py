"""Starts and steers `tests.support.sink` from a test or a bench, synchronously."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.support.forks import start_sink
from tests.support.waiting import BOUND_S


class Accepted(NamedTuple):
    at: float  # epoch seconds
    connection: int
    envelope_from: str
    envelope_to: str
    message_id: str


class Sink:
    """A running sink. Script and options are those of `tests.support.sink`.

    Without `log` the log is temporary and goes with the object. With it, a sink started on the `log` and
    `port` of one that was killed carries on in its place.
    """

    def __init__(
        self,
        script: object = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        log: Path | None = None,
        starttls: tuple[Path, Path] | None = None,  # certificate, key
        implicit_tls: tuple[Path, Path] | None = None,
        auth: str | None = None,  # user:password
        fast: bool = False,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sink-") if log is None else None
        self.log = Path(self._temporary.name, "accepted.log") if self._temporary else log
        arguments = ["--host", host, "--port", str(port), "--log", str(self.log), "--script", json.dumps(script)]
        if starttls or implicit_tls:
            arguments += ["--tls", *map(str, starttls or implicit_tls or ())]
            arguments.append("--starttls" if starttls else "--implicit-tls")
        if auth:
            arguments += ["--auth", auth]
        if fast:
            arguments.append("--fast")
        its_stdin, stdin = os.pipe()
        stdout, its_stdout = os.pipe()
        self.process = start_sink(arguments, its_stdin, its_stdout)
        os.close(its_stdin)
        os.close(its_stdout)
        self._stdin, self._stdout = open(stdin, "w"), open(stdout)  # noqa: SIM115 -- `_end` closes them
        first_line = self._read_line()
        self.port = int(first_line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def accepted(self) -> list[Accepted]:
        """Every message accepted so far and logged, in order; also after stop() and kill()."""
        rows = (line.split("\t") for line in self.log.read_text().split("\n")[:-1])
        return [Accepted(float(at), int(connection), *rest) for at, connection, *rest in rows]

    def times(self) -> list[float]:
        """When each message was accepted, in epoch seconds, ascending: `accepted` for a million of them."""
        with self.log.open() as lines:
            return sorted(float(line.partition("\t")[0]) for line in lines)

    def control(self, line: str) -> dict[str, Any]:
        """Give a control command and return its answer. Raises ValueError when the sink refuses it."""
        self._stdin.write(line + "\n")
        self._stdin.flush()
        answer = json.loads(self._read_line())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def script(self, script: object) -> None:
        self.control("script " + json.dumps(script))

    def release(self) -> int:
        return self.control("release")["released"]

    def stats(self) -> dict[str, Any]:
        """open, max_open, connections, messages, held, and the processor time used so far: cpu_s."""
        return self.control("stats")

    def wait(self, *, timeout_s: float = BOUND_S, **at_least: int) -> None:
        """Wait until each of the named stats has come to its value: `wait(held=1)`."""
        deadline = time.monotonic() + timeout_s
        while any((stats := self.stats())[name] < value for name, value in at_least.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited for {at_least}, have {stats}")
            time.sleep(0.005)

    def close_input(self) -> None:
        """As when whoever started it dies."""
        self._stdin.close()

    def stop(self) -> None:
        self.process.terminate()
        self._end()

    def kill(self) -> None:
        """SIGKILL: connections break off as they are; what was accepted is in the log."""
        self.process.kill()
        self._end()

    def _end(self) -> None:
        self.process.wait()
        self._stdin.close()
        self._stdout.close()

    def _read_line(self) -> str:
        line = self._stdout.readline()
        if not line:
            raise RuntimeError("the sink has ended")
        return line
