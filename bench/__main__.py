"""`python -m bench [NAME …]`: run benches, all of them unless named, and print one table or JSON.

`python -m bench bounces DIR` measures no speed but how much is right, and prints that (`bench.bounces`).

Run from the top of the checkout with nothing else at work on the machine.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from app.errors import Unavailable
from app.settings import from_env
from bench import bounces
from bench.registry import BENCHES, ONLY_IF_NAMED, Failed, Figure, Run

Measured = list[tuple[str, Figure]]


def main() -> None:
    if sys.argv[1:2] == ["bounces"]:
        bounces.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:12} {(run.__doc__ or '').splitlines()[0]}" for name, run in BENCHES.items())
        + f"\n\nOnly if named, since they take long: {', '.join(sorted(ONLY_IF_NAMED))}."
        + "\nOf another kind: bounces DIR, how well a folder of bounces is read.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benches to run, out of those below")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--data-dir", type=Path, default=from_env().data_dir, help="where: the disk counts")
    parser.add_argument("--emails", type=int, help="how many emails, for a quick check of the benches that take long")
    parser.add_argument("--minutes", type=float, default=20, help="how long soak goes on (%(default)s)")
    options = parser.parse_args()
    if options.emails is not None and options.emails < 1000:
        parser.error("--emails must be 1000 or more")
    if unknown := set(options.names) - set(BENCHES):
        parser.error(f"no bench called {', '.join(sorted(unknown))}")

    measured: Measured = []
    try:
        for name in options.names or [name for name in BENCHES if name not in ONLY_IF_NAMED]:
            measure(name, options, measured)
    except (Failed, Unavailable) as failure:
        sys.exit(f"{name}: {failure}")
    except (OSError, psycopg.errors.DiskFull) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOSPC:
            raise
        sys.exit(f"{name}: the disk is full; free some or name another folder with --data-dir ({error})")
    finally:  # what a failing bench leaves unmeasured takes nothing from what was measured before
        print_json(measured) if options.json else print_table(measured)


def measure(name: str, options: argparse.Namespace, measured: Measured) -> None:
    options.data_dir.mkdir(parents=True, exist_ok=True)
    with (
        Console(stderr=True).status(f"{name} …") as status,
        tempfile.TemporaryDirectory(dir=options.data_dir, prefix=f"bench-{name}-") as directory,
    ):
        for figure in BENCHES[name](Run(Path(directory), options.emails, options.minutes)):
            measured.append((name, figure))
            status.update(f"{name}: {figure.what}: {shown(figure.figure)} {figure.unit} …")


def machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())  # the benches' own included
    return f"{os.cpu_count()} processors, {system}, Python {platform.python_version()}, load {load}"


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
