"""Liquid's conditions on text: a name is true when it has some, numbers in texts compare as numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from liquid import RenderContext
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
    is_truthy,
)
from liquid.builtin.tags.case_tag import (
    _AnyExpression as AnyExpression,  # pyright: ignore[reportPrivateUsage] -- what `when` asks has no other name
)
from liquid.exceptions import LiquidTypeError
from liquid.expression import Expression

from app.mail import values
from app.mail.liquid_filters import charge_search


class HasText(Expression):
    """A bare name in a condition: its value, or nil where that is empty."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        super().__init__(path.token)
        self.path = path

    def evaluate(self, context: RenderContext) -> object:
        value = self.path.evaluate(context)
        return None if value == "" else value

    def children(self) -> Iterable[Expression]:
        return [self.path]


class _Contains(ContainsExpression):
    """Whether a text has another within; nothing else that Liquid knows is looked through."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        whole, wanted = self.left.evaluate(context), self.right.evaluate(context)
        if not is_truthy(whole) or not is_truthy(wanted):
            return False
        if not isinstance(whole, str):
            raise LiquidTypeError("'contains' looks into text only", token=self.token)
        wanted = str(wanted)
        charge_search(whole, wanted)
        return wanted in whole


def _compared(
    expression: LtExpression | LeExpression | GtExpression | GeExpression,
    context: RenderContext,
    holds: Callable[[Any, Any], bool],
) -> bool:
    """By number where both sides are one, by text where both are text; with nothing nothing compares."""
    left, right = expression.left.evaluate(context), expression.right.evaluate(context)
    if left in (None, "") or right in (None, ""):
        return False
    numbers = _number(left), _number(right)
    if None not in numbers:
        return holds(*numbers)
    if isinstance(left, str) and isinstance(right, str):
        return holds(str(left), str(right))
    culprit = left if numbers[0] is None else right
    raise LiquidTypeError(f"'{culprit}' is no number; write one as 1200 or 0.5", token=expression.token)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    return values.number(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def _is_same(left: object, right: object) -> bool | None:
    """Whether a text is the number beside it; None: these are no number and a text."""
    if isinstance(left, str) == isinstance(right, str) or None in (numbers := (_number(left), _number(right))):
        return None
    return numbers[0] == numbers[1]


class _Lt(LtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        return _compared(self, context, operator.lt)


class _Le(LeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        return _compared(self, context, operator.le)


class _Gt(GtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        return _compared(self, context, operator.gt)


class _Ge(GeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        return _compared(self, context, operator.ge)


class _Eq(EqExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        same = _is_same(self.left.evaluate(context), self.right.evaluate(context))
        return super().evaluate(context) if same is None else same


class _Ne(NeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        same = _is_same(self.left.evaluate(context), self.right.evaluate(context))
        return super().evaluate(context) if same is None else not same


class _Any(AnyExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> list[bool]:
        left = self.left.evaluate(context)
        same = [_is_same(left, right.evaluate(context)) for right in self.expressions]
        return [told if each is None else each for each, told in zip(same, super().evaluate(context), strict=True)]


COMPARING: dict[type[Expression], type[Expression]] = {
    AnyExpression: _Any,
    ContainsExpression: _Contains,
    EqExpression: _Eq,
    NeExpression: _Ne,
    LtExpression: _Lt,
    LeExpression: _Le,
    GtExpression: _Gt,
    GeExpression: _Ge,
}
