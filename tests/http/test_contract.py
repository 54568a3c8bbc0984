"""The API against its own OpenAPI document, by thousands of requests that nobody thought of (Schemathesis)."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.accounts.users import User
from tests.support.api import authorization, serve

UNTESTED = (
    # Bodies by the schema are accepted: addresses, and fields that go together, are more than JSON Schema can say.
    "positive_data_acceptance",
    # Litestar answers OPTIONS by the first method of a path alone. 405 names them all.
    "allow_header_conformance",
)
# 413 besides those that it knows: what is longer than it may be is sometimes refused by the size of its body.
REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429")


@pytest.mark.parametrize(
    ("phases", "examples"),
    [
        ("examples,fuzzing,stateful", 3),  # the same in every run
        # Every bound of every field takes two thirds of the time.
        pytest.param("examples,coverage,fuzzing,stateful", 30, marks=pytest.mark.long),
    ],
)
async def test_no_request_gets_a_500_or_an_answer_that_is_not_documented(
    database_url: str, pool: Pool, user: User, tmp_path: Path, phases: str, examples: int
) -> None:
    headers = await authorization(pool, user)
    config = f"[checks.negative_data_rejection]\nexpected-statuses = {list(REFUSALS)}\n"
    (tmp_path / "schemathesis.toml").write_text(config)
    drawn = ["--generation-deterministic"] if examples == 3 else []
    async with serve(database_url, tmp_path) as server:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.base_url}/api/schema"),
            *("--url", server.base_url, "--header", f"Authorization: {headers['Authorization']}"),
            *("--checks", "all", "--exclude-checks", ",".join(UNTESTED)),
            *("--phases", phases, "--max-examples", f"{examples}", "--continue-on-failure", *drawn),
            # A stream ends after minutes, and without a worker nobody answers whether a sender works.
            *("--exclude-path-regex", "/events$|/verify$", "--request-timeout", "30"),
            *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text[-20_000:]
    tested = re.search(r"Tested: (\d+)", text)
    assert tested, text
    assert int(tested[1]) > 40, text
