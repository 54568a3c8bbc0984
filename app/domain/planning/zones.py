"""The time zones that there are: those of IANA, by the names that it gives them."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from functools import cache

# Names for the zone that a machine was set to, for none, and for the zone whose rules POSIX takes.
NO_ZONES = ("localtime", "Factory", "posixrules")


@cache
def _zones() -> Mapping[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones() if name not in NO_ZONES}


def zone_named(name: str) -> str | None:
    """The zone that somebody means, whatever its case; None: there is none of that name."""
    return _zones().get(name.strip().casefold())
