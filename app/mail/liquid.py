"""The part of Liquid that chooses and formats: conditions, assignments, filters on text; for child processes only.

Merge fields are text, one value a recipient, so there is nothing to loop over and nothing to include. Without loops
the work that a template asks for is bounded by its length (`app.mail.markup`) and by what each step does to how long
a text: every filter is charged for that before it works, and what one rendering may spend is `MOST_WORK`. A library
may hide what no such account foresees, which is why nothing calls this but through `app.mail.rendering`.

A bare name in a condition is true when it has text. In plain Liquid an empty string is true, and
`{% if company %} at {{ company }}{% endif %}` would write " at " for every empty cell of a spreadsheet. Numbers come as
text, too: compared with `<` or with a number, such a text counts as one. A date is one only as ISO 8601 writes it: of
`03/04/2030` nobody knows the month.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, takewhile

from liquid import BoundTemplate, Environment, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    Path,
)
from liquid.builtin.expressions.logical import (
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalOrExpression,
    LtExpression,
)
from liquid.builtin.expressions.primitive import FloatLiteral, IntegerLiteral, RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.exceptions import LiquidError, LiquidTypeError
from liquid.expression import Expression
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_OUTPUT, TOKEN_TAG

from app.bounds import FIELD_CHARACTERS
from app.mail.liquid_conditions import COMPARING, HasText
from app.mail.liquid_filters import FILTERS, MAX_VALUE, bounded, work
from app.mail.markup import TemplateError, line_of, parts
from app.mail.names import LIQUID_WORDS, escaped, escaped_name, unescaped
from app.mail.nearest import nearest
from app.mail.templates import MAX_OUTPUT, Fields, Source, Wrong, check_number, missing, printed, too_long

_TAGS = frozenset({"#", "assign", "capture", "case", "echo", "if", "unless"})
_WORDS = _TAGS - {"#"} | {f"end{name}" for name in _TAGS - {"#", "assign", "echo"}} | {"else", "elsif", "when", "raw"}
_UNEXPECTED = re.compile(r"unexpected tag '(\w+)'")
_NO_NAME = re.compile(r"expected a primitive expression, found (\w+)")
# Errors of Liquid for those who make templates, in words for those who write letters.
_PLAIN = {
    "missing expression": "a condition says nothing; write it as {% if company %}",
    "expected a primitive expression, found end of expression": "a name is missing; a merge field is {{ first_name }}",
    "expected an identifier, found end of expression": "a name is missing behind the dot",
    "expected word, found end of expression": "the name of a filter is missing behind '|'",
    "unexpected '/'": "something is formatted within a merge field; format all of it or nothing",
    "unexpected '\"'": "a quotation mark is not closed",
    'unexpected "\'"': "a quotation mark is not closed",
}
_UNCLOSED = re.compile(r"expected tag end(\w+), found end of expression")
_TWO_WORDS = "expected end of expression, found word"
_KEEPING = frozenset({"default", "strip", "lstrip", "rstrip", "squish"})  # a date is one behind them, too


class Template:
    """A parsed template."""

    __slots__ = ("_bound", "_source", "fields")

    def __init__(self, source: str, bound: BoundTemplate, mentioned: frozenset[str]) -> None:
        self._source = source
        self._bound = bound
        context = RenderContext(bound)
        expressions = list(_all_expressions(bound.nodes, context))
        self.fields = Fields(
            mentioned,
            mentioned.intersection(map(unescaped, _printed(bound.nodes, context, frozenset()))),
            dates=mentioned.intersection(map(unescaped, _dates(expressions))),
            numbers=mentioned.intersection(map(unescaped, _numbers(expressions))),
        )

    @classmethod
    def parse(cls, source: Source) -> Template:
        """Raises TemplateError."""
        environment = _environment(source.html, source.language)
        try:
            bound = environment.from_string(source.text)
            _adapt(bound.nodes, RenderContext(bound))
            analysis = bound.analyze(include_partials=False)
            for name, places in analysis.filters.items():
                if name not in environment.filters:
                    where = line_of(source.text, places[0].index)
                    raise TemplateError(f"{where}there is no filter '{name}'{nearest(name, FILTERS)}")
            for variable in chain.from_iterable(analysis.globals.values()):
                if variable.segments[1:] not in ([], ["size"]):
                    where, path = line_of(source.text, variable.span.index), unescaped(str(variable))
                    looks = f"'{path}' looks for something within a merge field, which is text"
                    raise TemplateError(f"{where}{looks}; write the name of a column, such as first_name")
            mentioned = frozenset(map(unescaped, analysis.globals))
            check_number(mentioned)
            template = cls(source.text, bound, mentioned)
        except LiquidError as error:
            raise _explained(source.text, error) from error
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error
        # Wrong arguments to a filter show in rendering only: better now than at every recipient.
        template.render(dict.fromkeys(mentioned, ""))
        return template

    def render(self, fields: Mapping[str, str]) -> str:
        """The text for one recipient. A field that is absent or empty takes its `default`.

        Raises TemplateError when a required field is absent, one is too long or a limit is hit.
        """
        for name in self.fields.required:
            if name not in fields:
                raise missing(name)
        # Every name is given a value, or Liquid's own `now` and `today` would stand in for a missing one.
        texts = {name: fields.get(name, "") for name in self.fields.mentioned}
        for name, value in texts.items():
            if len(value) > FIELD_CHARACTERS:
                raise too_long(name, value)
            texts[name] = printed(value)
        work.begin()
        try:
            return self._bound.render({escaped_name(name): value for name, value in texts.items()})
        except LiquidError as error:
            raise _explained(self._source, error) from error
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error


class _Environment(Environment):
    output_stream_limit = MAX_OUTPUT
    local_namespace_limit = MAX_VALUE
    language: str | None = None

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        pseudo_tags = {TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT}
        self.tags = {name: tag for name, tag in self.tags.items() if name in _TAGS | pseudo_tags}
        self.filters = bounded(self.filters)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return _tokens


def _tokens(source: str) -> Iterator[Token]:
    """The tokens that Liquid's own lexer would give, in one pass."""
    for text, at, is_tag, name in parts(source):
        if not is_tag:
            yield Token(TOKEN_CONTENT, text, at, source)
            continue
        if name is None:
            yield Token(TOKEN_OUTPUT, text, at, source)
        else:
            yield Token(TOKEN_TAG, name, at, source)
        if text or name is None:
            yield Token(TOKEN_EXPRESSION, escaped(text), at, source)


@lru_cache(maxsize=32)
def _environment(html: bool, language: str | None) -> _Environment:
    environment = _Environment(autoescape=html)
    environment.language = language
    return environment


def _adapt(nodes: Iterable[Node], context: RenderContext) -> None:
    """Have bare names in conditions ask for text, and refuse what is not for templates."""
    for node in nodes:
        for expression in _descend(node.expressions()):
            match expression:
                case BooleanExpression(expression=Path() as path):
                    expression.expression = HasText(path)
                case LogicalAndExpression() | LogicalOrExpression():
                    if isinstance(expression.left, Path):
                        expression.left = HasText(expression.left)
                    if isinstance(expression.right, Path):
                        expression.right = HasText(expression.right)
                case RangeLiteral():
                    raise LiquidTypeError("ranges are not supported", token=expression.token)
                case _:
                    expression.__class__ = COMPARING.get(type(expression), type(expression))
        _adapt(node.children(context, include_partials=False), context)


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


def _all_expressions(nodes: Iterable[Node], context: RenderContext) -> Iterator[Expression]:
    for node in nodes:
        yield from _descend(node.expressions())
        yield from _all_expressions(node.children(context, include_partials=False), context)


def _dates(expressions: Iterable[Expression]) -> Iterator[str]:
    """The names whose values are written as dates."""
    for expression in expressions:
        match expression:
            case FilteredExpression(left=Path(path=[name]), filters=filters):
                before = list(takewhile(lambda filter_: filter_.name in _KEEPING, filters or ()))
                if filters and len(before) < len(filters) and filters[len(before)].name == "date":
                    yield str(name)
            case _:
                pass


def _numbers(expressions: Iterable[Expression]) -> Iterator[str]:
    """The names whose values are compared with a number."""
    for expression in expressions:
        if isinstance(expression, LtExpression | LeExpression | GtExpression | GeExpression):
            for side, other in ((expression.left, expression.right), (expression.right, expression.left)):
                if isinstance(side, Path) and len(side.path) == 1 and isinstance(other, IntegerLiteral | FloatLiteral):
                    yield str(side.head())


def _names(expressions: Iterable[Expression]) -> frozenset[str]:
    return frozenset(str(each.head()) for each in _descend(expressions) if isinstance(each, Path))


def _descend(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from _descend(expression.children())


def _explained(source: str, error: LiquidError) -> TemplateError:
    where = line_of(source, error.token.start_index) if error.token and error.token.source == source else ""
    message = unescaped(str(error.message))
    if unclosed := _UNCLOSED.fullmatch(message):
        return TemplateError(f"{where}{{% {unclosed[1]} %}} has no end; write {{% end{unclosed[1]} %}} behind it")
    return TemplateError(f"{where}{_PLAIN.get(message, message)}{_meant(message)}")


def _meant(message: str) -> str:
    """Words on what was probably meant, to put behind what is wrong."""
    if tag := _UNEXPECTED.fullmatch(message):
        return "; nothing was begun that it belongs to" if tag[1] in _WORDS else nearest(tag[1], _WORDS)
    if (word := _NO_NAME.fullmatch(message)) and word[1] in LIQUID_WORDS:
        return f"; the merge field of that name is '{word[1]}_'"
    return "; a merge field is one word, such as first_name" if message == _TWO_WORDS else ""


@lru_cache(maxsize=32)
def _parsed(source: Source) -> Template | TemplateError:
    try:
        return Template.parse(source)
    except TemplateError as error:
        return error


def analyse(_: None, source: Source) -> Fields | Wrong:
    """The fields that a template asks of its recipients. For `app.killable`, as `render` is."""
    template = _parsed(source)
    return Wrong(template.detail) if isinstance(template, TemplateError) else template.fields


def render(sources: list[Source], fields: dict[str, str]) -> list[str | Wrong]:
    """Each template for one recipient."""
    return [_rendered(source, fields) for source in sources]


def _rendered(source: Source, fields: dict[str, str]) -> str | Wrong:
    template = _parsed(source)
    try:
        if isinstance(template, TemplateError):
            raise template
        return template.render(fields)
    except TemplateError as error:
        return Wrong(error.detail, error.field)
