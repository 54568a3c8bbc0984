"""`reachinbox` as a shell runs it."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

Ended = subprocess.CompletedProcess[str]
TIMEOUT_S = 60


class Shell:
    """Runs `reachinbox` with nothing in its environment but these settings."""

    def __init__(self, data_dir: Path, **env: str) -> None:
        self.env = {"PATH": os.environ["PATH"], "REACHINBOX_DATA_DIR": str(data_dir), **env}

    def __call__(self, *arguments: str, stdin: str = "", **env: str) -> Ended:
        return subprocess.run(  # noqa: S603 -- ourselves
            _command(*arguments),
            env=self.env | env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def without_stdin(self, *arguments: str) -> Ended:
        """With standard input closed, as `<&-` does it."""
        return subprocess.run(  # noqa: S603 -- ourselves
            ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *_command(*arguments)],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def on_a_terminal(self, *arguments: str, answers: Sequence[str]) -> int:
        """The exit status, each prompt (up to its colon) answered with a line."""
        ours, theirs = pty.openpty()

        def take_terminal() -> None:
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        with subprocess.Popen(  # noqa: S603 -- ourselves
            _command(*arguments),
            env=self.env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=take_terminal,
        ) as process:
            os.close(theirs)
            for answer in answers:
                while not os.read(ours, 1000).rstrip().endswith(b":"):
                    pass
                os.write(ours, answer.encode() + b"\n")
            status = process.wait(TIMEOUT_S)
        os.close(ours)
        return status


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]
