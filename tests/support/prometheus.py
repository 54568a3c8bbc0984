"""Reading what /metrics says, and Prometheus's own tool to check it and the alert rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families


def samples(text: str) -> dict[str, float]:
    """Values by name and labels: `name`, or `name label=value label=value`."""
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def promtool(*arguments: str, cwd: Path | None = None, text: bytes = b"") -> None:
    """Run it; fails with what it says. Where it is not installed, the test is skipped, but never under `.ci/run`."""
    program = shutil.which("promtool")
    if program is None and "CI" not in os.environ:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    assert program is not None, "promtool is not installed"
    done = subprocess.run([program, *arguments], cwd=cwd, input=text, capture_output=True)  # noqa: S603 -- ours
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def check_metrics(text: bytes) -> None:
    """The format, the names and the help texts are as Prometheus wants them."""
    promtool("check", "metrics", text=text)
