"""The generation of its database that a worker has seen last, kept outside of the database: `last-seen` in the data
folder.

A database that is put back to an earlier state remembers nothing of what was sent since, and nothing in it tells. This
file does: a line for each installation, its id and the generation. Each generation in it was committed before it was
written, so a database of the same id with a lower generation is an older one. Several processes may share the file;
what one of them overwrites is missed by a few renewals of a lease at the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import structlog

MOST = 50  # installations that are remembered, those noted last: each take-over makes another

log = structlog.get_logger()


class LastSeen:
    """Remembers in memory, too, for the lifetime of the process, where the folder cannot be written to."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "last-seen"
        self._known: dict[UUID, int] = {}
        self._complained = False

    def generations(self) -> Mapping[UUID, int]:
        """By installation. To be read before the database is asked, or others could have raised it in between."""
        for installation, generation in self._read():
            self._known[installation] = max(generation, self._known.get(installation, 0))
        return dict(self._known)

    def note(self, installation: UUID, generation: int) -> None:
        """Write down what has been committed."""
        known = self.generations()
        self._known.pop(installation, None)
        self._known[installation] = max(generation, known.get(installation, 0))
        lines = [f"{known_id} {seen}\n" for known_id, seen in self._known.items()]
        draft = self._file.with_name(f"last-seen.{uuid4()}")  # processes in containers have the same number
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text("".join(lines[-MOST:]))
            draft.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()  # a full disk leaves half of it
            if not self._complained:
                log.warning("a database that is put back to an earlier state will not be noticed", reason=str(error))
            self._complained = True

    def _read(self) -> list[tuple[UUID, int]]:
        """A file that is missing or not whole, as after the machine lost its power, gives no entries."""
        found: list[tuple[UUID, int]] = []
        with suppress(OSError):
            for line in self._file.read_text(errors="replace").splitlines():
                installation, _, generation = line.partition(" ")
                with suppress(ValueError):
                    found.append((UUID(installation), int(generation)))
        return found
