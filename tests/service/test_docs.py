"""README.md and docs/: what they name is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
# From where pages name files, the root first: `domain/campaigns/schedule` is app/domain/campaigns/schedule.py.
BEGINNINGS = ("", "app/", "app/domain/", "web/", "web/src/")
ENDINGS = ("", ".py", ".ts", ".tsx")
# Made by what the page tells to run, or not a path of ours.
OTHERS = re.compile(
    r"\.venv/.*|secrets/.*|app/dashboard/|application/json|application/octet-stream|axllent/mailpit|BASE_URL/.*"
)


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every file and folder of ours."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = {PurePosixPath(name) for name in listed.stdout.splitlines()}
    return {str(path) for file in files for path in (file, *file.parents)}


def _is_known(named: str, known: set[str]) -> bool:
    """Also a function of a module: `worker/tasks.send_due`."""
    named = named.rstrip("/")
    names = (named, named.rpartition(".")[0] or named)
    return any(begin + name + end in known for begin in BEGINNINGS for name in names for end in ENDINGS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path, known: set[str]) -> None:
    text = page.read_text()
    paths = [name for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", text) if not OTHERS.fullmatch(name)]
    assert [name for name in paths if not _is_known(name, known)] == []
    names = {PurePosixPath(path).name for path in known}
    alone = re.findall(r"`([\w-]+\.(?:py|sql|tsx?|md|ya?ml|sh|toml|css))`", text)
    assert [name for name in alone if name not in names] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, anchor


def test_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", (ROOT / "README.md").read_text()))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= linked
