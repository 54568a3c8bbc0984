"""`python -m bench [NAME …]`: run benches, all of them unless named, and print one table or JSON.

Run from the top of the checkout with nothing else at work on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.settings import from_env
from bench.registry import BENCHES, Figure

Measured = list[tuple[str, Figure]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:12} {(run.__doc__ or '').splitlines()[0]}" for name, run in BENCHES.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benches to run, out of those below")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--data-dir", type=Path, default=from_env().data_dir, help="where: the disk counts")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHES):
        parser.error(f"no bench called {', '.join(sorted(unknown))}")

    measured: Measured = []
    try:
        for name in options.names or BENCHES:
            measure(name, options.data_dir, measured)
    finally:  # what a failing bench leaves unmeasured takes nothing from what was measured before
        print_json(measured) if options.json else print_table(measured)


def measure(name: str, data_dir: Path, measured: Measured) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    with (
        Console(stderr=True).status(f"{name} …") as status,
        tempfile.TemporaryDirectory(dir=data_dir, prefix=f"bench-{name}-") as directory,
    ):
        for figure in BENCHES[name](Path(directory)):
            measured.append((name, figure))
            status.update(f"{name}: {figure.what}: {shown(figure.figure)} {figure.unit} …")


def machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} processors, {system}, Python {platform.python_version()}"


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def print_json(measured: Measured) -> None:
    figures = [{"bench": name, **figure._asdict()} for name, figure in measured]
    print(json.dumps({"machine": machine(), "figures": figures}, indent=2))


def print_table(measured: Measured) -> None:
    table = Table("bench", "what")
    table.add_column("figure", justify="right")
    table.add_column("unit")
    table.add_column("note")
    for name, figure in measured:
        table.add_row(name, figure.what, shown(figure.figure), figure.unit, figure.note)
    console = Console()
    console.print(table)
    console.print(machine())


if __name__ == "__main__":
    main()
