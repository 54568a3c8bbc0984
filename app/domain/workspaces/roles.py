"""The roles of a workspace's members: a viewer reads; a member also sends; an owner also keeps members, keys, webhooks,
people's data and the workspace itself.
"""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["owner", "member", "viewer"]  # from the one that may do most

VIEWER: Role = "viewer"
MEMBER: Role = "member"
OWNER: Role = "owner"

_RANK: dict[Role, int] = {role: -place for place, role in enumerate(get_args(Role))}


def covers(role: Role, needed: Role) -> bool:
    """Whether `role` may do what takes `needed`."""
    return _RANK[role] >= _RANK[needed]
