"""`python -m bench bounces DIR`: three lines, and what is not as expected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.letters import THEM, fields, letter, report


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "bounces", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603 - ours


def _expected(file: str, **report: object) -> str:
    return json.dumps({"file": file, "reports": [{"recipient": THEM, "messageid": "", **report}] if report else []})


def test_a_folder_is_scored_by_recipient_severity_and_reason(tmp_path: Path) -> None:
    good = report("It failed.", fields("smtp; 550 5.1.1 no such user", "5.1.1"))
    for name, raw in (("a.eml", good), ("b.eml", good), ("c.eml", letter("Sure.")), ("d.eml", good)):
        (tmp_path / name).write_bytes(raw)
    lines = [
        _expected("a.eml", reason="userunknown", hardbounce=1),
        _expected("b.eml", reason="mailboxfull", hardbounce=0),
        _expected("c.eml", reason="vacation", hardbounce=0),
        _expected("d.eml"),
    ]
    (tmp_path / "expected.jsonl").write_text("\n".join(lines))
    said = _bench(str(tmp_path))
    assert said.stdout.splitlines() == [
        "recipients found: 66.7 %",
        "hard or soft right: 33.3 %",
        "reasons right: 33.3 %",
        f"b.eml: {THEM} is not hard",
        f"b.eml: {THEM} is mailboxfull, and taken for userunknown",
        f"c.eml: {THEM} (vacation) not found; REPLY of nobody",
        "d.eml: no bounce, and taken for one (BOUNCE)",
    ]
    assert (said.returncode, said.stderr.endswith(" messages a second of processor time\n")) == (0, True)


def test_another_folder_is_told_so(tmp_path: Path) -> None:
    said = _bench(str(tmp_path))
    assert said.returncode == 2
    assert f"{tmp_path} is no folder of messages with expected results" in said.stderr
