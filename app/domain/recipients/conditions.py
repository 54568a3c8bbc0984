"""Filters of a saved list: conditions on merge fields, which `saved_recipient_fits` in the database judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from app.errors import InvalidInput
from app.mail.templates import printed

MOST_CONDITIONS = 20
MOST_VALUES = 1_000  # of one condition

Is = Literal["equals", "not", "contains", "empty", "filled"]


class Condition(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A condition on a recipient's field. `equals`: one of the `values`; `not`: none of them; `contains`: one of them
    is a part of it; `empty` and `filled` take none. Case and the blanks around are no difference, and `email` is the
    address.
    """

    field: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    is_: Is = msgspec.field(name="is")
    values: Annotated[list[Annotated[str, msgspec.Meta(max_length=1_000)]], msgspec.Meta(max_length=MOST_VALUES)] = []


def check_conditions(conditions: Sequence[Condition]) -> list[Condition]:
    """Raises InvalidInput (`filter`)."""
    if len(conditions) > MOST_CONDITIONS:
        raise InvalidInput({"filter": f"has more than {MOST_CONDITIONS} conditions"})
    for number, condition in enumerate(conditions):
        if bool(condition.values) == (condition.is_ in {"empty", "filled"}):
            wanted = "none" if condition.values else "one or more"
            raise InvalidInput({f"filter[{number}].values": f'"{condition.is_}" takes {wanted}'})
        if condition.is_ == "contains" and not all(map(printed, condition.values)):
            raise InvalidInput({f"filter[{number}].values": "has one without text, which everything contains"})
        if any("\0" in text for text in (condition.field, *condition.values)):
            raise InvalidInput({f"filter[{number}]": "has a NUL character, which no field has"})
    return list(conditions)
