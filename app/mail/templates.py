"""Subjects and bodies with merge fields, in Liquid: `Hello {{ first_name | default: "there" }}`.

Merge fields are text, one value a recipient, so there is nothing to loop over and nothing to include: we take
the part of Liquid that chooses and formats. Without loops the work a template can ask for is bounded by its
length, and what it can build up by the limits below. A filter's own work on a long text is not bounded here.

Two rules are ours:
- A bare name in a condition is true when it has text. In plain Liquid an empty string is true, and
  `{% if company %} at {{ company }}{% endif %}` would write " at " for every empty cell of a spreadsheet.
- A recipient without a required field is an error, never a silent gap as in "Dear ,".

Most templates are text with a few names in it. They are filled in here without Liquid, to the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import (
    BooleanExpression,
    Filter,
    FilteredExpression,
    Path,
    PositionalArgument,
    StringLiteral,
)
from liquid.builtin.expressions.logical import LogicalAndExpression, LogicalOrExpression
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.exceptions import FilterError, LiquidError, ResourceLimitError
from liquid.expression import Expression
from liquid.filter import string_filter
from liquid.token import TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT
from markupsafe import escape, soft_str

_TAGS = frozenset({"#", "assign", "capture", "case", "comment", "echo", "if", "unless"})
_FILTERS = frozenset(
    {
        "append",
        "capitalize",
        "date",
        "default",
        "downcase",
        "escape",
        "escape_once",
        "first",
        "last",
        "lstrip",
        "newline_to_br",
        "prepend",
        "remove",
        "remove_first",
        "remove_last",
        "replace",
        "replace_first",
        "replace_last",
        "rstrip",
        "size",
        "slice",
        "split",
        "squish",
        "strip",
        "strip_html",
        "strip_newlines",
        "truncate",
        "truncatewords",
        "upcase",
        "url_decode",
        "url_encode",
    }
)
_MAX_OUTPUT = 2_000_000  # bytes of one rendered template
_MAX_VALUE = 200_000  # characters of what a filter returns; bytes of all the variables a template sets


class TemplateError(ValueError):
    """The template is wrong, or a recipient lacks the merge field that `field` names."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class Template:
    """A parsed template: made by `parse`, rendered once for each recipient.

    `fields`: every merge field it mentions.
    `required`: those it prints without a `default` and outside of any block whose condition looks at them.
    `is_constant`: every recipient gets the same text.
    """

    __slots__ = ("_bound", "_html", "_pieces", "_slots", "fields", "is_constant", "required")

    def __init__(self, bound: BoundTemplate, fields: frozenset[str], *, html: bool) -> None:
        context = RenderContext(bound)
        _test_for_text(bound.nodes, context)
        self._bound = bound
        self._html = html
        self._pieces, self._slots = _text_with_slots(bound.nodes) or ([], None)
        self.fields = fields
        self.required = fields.intersection(_printed(bound.nodes, context, frozenset()))
        self.is_constant = self._slots == []

    @classmethod
    def parse(cls, source: str, *, html: bool = False) -> Template:
        """Parse `source`; with `html`, merge values are escaped where printed. Raises TemplateError."""
        environment = _HTML if html else _TEXT
        try:
            bound = environment.from_string(source)
            analysis = bound.analyze(include_partials=False)
            for name, places in analysis.filters.items():
                if name not in environment.filters:
                    raise TemplateError(f"{_line(source, places[0].index)}there is no filter '{name}'")
            template = cls(bound, frozenset(analysis.globals), html=html)
            # Wrong arguments to a filter show in rendering only: better now than at every recipient.
            template.render(dict.fromkeys(template.fields, ""))
        except LiquidError as error:
            raise _explained(error) from error
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error
        return template

    def render(self, fields: Mapping[str, str]) -> str:
        """The text for one recipient. A field that is absent or empty takes its `default`.

        Raises TemplateError when a required field is absent or a limit is hit.
        """
        if self._slots is None:
            return self._render_with_liquid(fields)
        pieces = self._pieces.copy()
        for position, name, default in self._slots:
            value = fields.get(name)
            if not value and default is not None:
                pieces[position] = default
            elif value is None:
                raise _missing(name)
            else:
                pieces[position] = escape(value) if self._html else value
        return "".join(pieces)

    def _render_with_liquid(self, fields: Mapping[str, str]) -> str:
        for name in self.required:
            if name not in fields:
                raise _missing(name)
        try:
            # Every name is given a value, or Liquid's own `now` and `today` would stand in for a missing one.
            return self._bound.render({name: fields.get(name, "") for name in self.fields})
        except LiquidError as error:
            raise _explained(error) from error


class _Environment(Environment):
    output_stream_limit = _MAX_OUTPUT
    local_namespace_limit = _MAX_VALUE

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        pseudo_tags = {TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT}
        self.tags = {name: tag for name, tag in self.tags.items() if name in _TAGS | pseudo_tags}
        self.filters = {name: _bounded(self.filters[name]) for name in _FILTERS}
        self.filters["replace"] = _bounded(_replace)


def _bounded(filter_: Callable[..., object]) -> Callable[..., object]:
    @wraps(filter_)  # carries over the marks by which Liquid knows what to pass to a filter
    def bounded(*args: object, **options: object) -> object:
        try:
            result = filter_(*args, **options)
        except (ValueError, TypeError, ArithmeticError, OSError) as error:
            # Such as a date of the year 56052: one recipient's value, not the end of the world.
            raise FilterError(f"{filter_.__name__}: {error}", token=None) from error
        if isinstance(result, str) and len(result) > _MAX_VALUE:
            raise _too_long()
        return result

    return bounded


@string_filter
def _replace(text: str, old: object, new: object = "") -> str:
    """Liquid's `replace`: it alone multiplies lengths, so its result is bounded before it is made."""
    old, new = soft_str(old), soft_str(new)
    if text.count(old) * len(new) > _MAX_VALUE:
        raise _too_long()
    return text.replace(old, new)


def _too_long() -> ResourceLimitError:
    return ResourceLimitError(f"a value grows beyond {_MAX_VALUE} characters", token=None)


_TEXT = _Environment()
_HTML = _Environment(autoescape=True)


class _HasText(Expression):
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


def _test_for_text(nodes: Iterable[Node], context: RenderContext) -> None:
    for node in nodes:
        for expression in _descend(node.expressions()):
            match expression:
                case BooleanExpression(expression=Path() as path):
                    expression.expression = _HasText(path)
                case LogicalAndExpression() | LogicalOrExpression():
                    if isinstance(expression.left, Path):
                        expression.left = _HasText(expression.left)
                    if isinstance(expression.right, Path):
                        expression.right = _HasText(expression.right)
                case _:
                    pass
        _test_for_text(node.children(context, include_partials=False), context)


def _printed(nodes: Iterable[Node], context: RenderContext, tested: frozenset[str]) -> Iterator[str]:
    """The names printed or assigned without a `default` where no condition around has `tested` them."""
    for node in nodes:
        inside = tested
        if isinstance(node, OutputNode | EchoNode | AssignNode):
            for expression in node.expressions():
                filters = expression.filters if isinstance(expression, FilteredExpression) else None
                if not any(filter_.name == "default" for filter_ in filters or ()):
                    yield from _names([expression]) - tested
        else:
            inside = tested | _names(node.expressions())
        yield from _printed(node.children(context, include_partials=False), context, inside)


def _names(expressions: Iterable[Expression]) -> frozenset[str]:
    return frozenset(str(each.head()) for each in _descend(expressions) if isinstance(each, Path))


def _descend(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from _descend(expression.children())


def _text_with_slots(nodes: Iterable[Node]) -> tuple[list[str], list[tuple[int, str, str | None]]] | None:
    """The template as pieces of text and, for each merge field, its place among them, name and default.

    None where the template needs more of Liquid than that.
    """
    pieces: list[str] = []
    slots: list[tuple[int, str, str | None]] = []
    for node in nodes:
        if isinstance(node, ContentNode):
            pieces.append(node.text)
            continue
        match node:
            case OutputNode(expression=FilteredExpression(left=Path(path=[str(name)]), filters=None | [])):
                default = None
            case OutputNode(
                expression=FilteredExpression(
                    left=Path(path=[str(name)]),
                    filters=[Filter(name="default", args=[PositionalArgument(value=StringLiteral(value=default))])],
                )
            ):
                pass
            case _:
                return None
        slots.append((len(pieces), name, default))
        pieces.append("")
    return pieces, slots


def _missing(name: str) -> TemplateError:
    return TemplateError(f"there is no value for the merge field '{name}'", name)


def _explained(error: LiquidError) -> TemplateError:
    where = _line(error.token.source, error.token.start_index) if error.token else ""
    return TemplateError(f"{where}{error.message}")


def _line(source: str, index: int) -> str:
    return f"line {source.count(chr(10), 0, index) + 1}: " if index >= 0 else ""
