"""Has the dashboard in the wheel: built here when it is missing or older than its sources.

An editable install goes without; `make` builds it beside.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DashboardHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "web"))
        from build import build  # here, since only this needs Node

        build()
