"""What a member of a workspace may do: a viewer reads; a member also sends; an owner also keeps members, keys,
webhooks, people's data and the workspace itself.
"""

from __future__ import annotations

from typing import Literal

Role = Literal["owner", "member", "viewer"]

VIEWER: Role = "viewer"
MEMBER: Role = "member"
OWNER: Role = "owner"

_RANK: dict[Role, int] = {VIEWER: 0, MEMBER: 1, OWNER: 2}


def covers(role: Role, needed: Role) -> bool:
    """Whether whoever has `role` may do what takes `needed`."""
    return _RANK[role] >= _RANK[needed]
