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

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from itertools import chain, takewhile
from typing import Any, cast

from liquid import BoundTemplate, Environment, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    Path,
)
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
    is_truthy,
)
from liquid.builtin.expressions.primitive import FloatLiteral, IntegerLiteral, RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.case_tag import (
    _AnyExpression as AnyExpression,  # pyright: ignore[reportPrivateUsage] -- what `when` asks has no other name
)
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.exceptions import FilterError, LiquidError, LiquidTypeError, ResourceLimitError
from liquid.expression import Expression
from liquid.filter import string_filter, with_environment
from liquid.stringify import to_liquid_string
from liquid.token import TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_OUTPUT, TOKEN_TAG
from markupsafe import Markup, soft_str

from app.bounds import FIELD_CHARACTERS
from app.mail import values
from app.mail.markup import TemplateError, line_of, parts
from app.mail.names import LIQUID_WORDS, escaped, escaped_name, unescaped
from app.mail.nearest import nearest
from app.mail.strip_html import strip_html
from app.mail.templates import MAX_OUTPUT, Fields, Source, Wrong, check_number, missing, printed, too_long

MOST_WORK = 5_000_000  # characters through filters and searches in one rendering, those of slow filters several times
MAX_VALUE = 200_000  # characters of what a filter returns; bytes of all the variables a template sets
MOST_PIECES = 10_000  # that `split` may make of a text
MOST_DATE = 100  # characters of a date, and of the format of one

_TAGS = frozenset({"#", "assign", "capture", "case", "echo", "if", "unless"})
# What each character costs a filter, in those that the fastest pass in the same time.
_FILTERS = {
    "append": 1,
    "capitalize": 10,
    "date": 100,
    "default": 1,
    "downcase": 10,
    "escape": 3,
    "escape_once": 40,
    "first": 1,
    "last": 1,
    "lstrip": 1,
    "newline_to_br": 20,
    "prepend": 1,
    "remove": 3,
    "remove_first": 3,
    "remove_last": 3,
    "replace": 3,
    "replace_first": 3,
    "replace_last": 3,
    "rstrip": 1,
    "size": 1,
    "slice": 1,
    "split": 10,
    "squish": 20,
    "strip": 1,
    "strip_html": 20,
    "strip_newlines": 20,
    "truncate": 1,
    "truncatewords": 10,
    "upcase": 10,
    "url_decode": 20,
    "url_encode": 40,
}
_WORDS = _TAGS - {"#"} | {f"end{name}" for name in _TAGS - {"#", "assign", "echo"}} | {"else", "elsif", "when", "raw"}
_UNEXPECTED = re.compile(r"unexpected tag '(\w+)'")
_NO_NAME = re.compile(r"expected a primitive expression, found (\w+)")
# What Liquid says to those who make templates, in words for those who write letters.
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
_OF_LISTS = frozenset({"default", "first", "last", "size", "slice"})  # all others take a list as its text
_KEEPING = frozenset({"default", "strip", "lstrip", "rstrip", "squish"})  # a date is one behind them, too
_SEARCHING = frozenset({"remove", "remove_first", "remove_last", "replace", "replace_first", "replace_last", "split"})


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
                    raise TemplateError(f"{where}there is no filter '{name}'{nearest(name, _FILTERS)}")
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
        _work.begin()
        try:
            return self._bound.render({escaped_name(name): value for name, value in texts.items()})
        except LiquidError as error:
            raise _explained(self._source, error) from error
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error


class _Work:
    """What the rendering that goes on has spent. There is one at a time: a child process has one thread."""

    def __init__(self) -> None:
        self._spent = 0

    def begin(self) -> None:
        self._spent = 0

    def charge(self, characters: int) -> None:
        self._spent += characters
        if self._spent > MOST_WORK:
            raise ResourceLimitError("the template is too much work: its filters go through too long texts", token=None)


_work = _Work()


def _size(value: object) -> int:
    """In characters, about. What takes a list looks at its items; what takes the text of one is given that."""
    if isinstance(value, str):
        return len(value)
    return 50 * len(cast("list[object]", value)) if isinstance(value, list) else 20


def _charge_search(text: object, wanted: object) -> None:
    """What it costs to look for `wanted`: in long texts str.find is linear, in shorter ones only nearly."""
    size, length = _size(text), _size(wanted)
    _work.charge(size * min(length, 100 if size < 30_000 else 6))


def _bounded(name: str, filter_: Callable[..., object]) -> Callable[..., object]:
    cost = _FILTERS[name]

    @wraps(filter_)  # carries over the marks by which Liquid knows what to pass to a filter
    def bounded(*args: object, **options: object) -> object:
        if any(isinstance(arg, range) for arg in args):
            raise FilterError(f"{name}: takes text, not a range", token=None)
        if name not in _OF_LISTS:
            # As printing does. Python's own text of a list doubles each backslash, so it grows from filter to filter.
            args = tuple(to_liquid_string(arg, autoescape=False) if isinstance(arg, list) else arg for arg in args)
        _work.charge(20 + cost * sum(_size(arg) for arg in args))
        if name in _SEARCHING and len(args) > 1:
            _charge_search(args[0], args[1])
        try:
            result = filter_(*args, **options)
        except (ValueError, TypeError, ArithmeticError, OSError) as error:
            # Such as a date of the year 56052: one recipient's value, not the end of the world.
            raise FilterError(f"{name}: {error}", token=None) from error
        if isinstance(result, str) and len(result) > MAX_VALUE:
            raise _grown()
        _work.charge(_size(result))
        return result

    return bounded


def _grown() -> ResourceLimitError:
    return ResourceLimitError(f"a value grows beyond {MAX_VALUE} characters", token=None)


@string_filter
def _replace(text: str, old: object, new: object = "") -> str:
    """Liquid's `replace`: it alone multiplies lengths, so its result is bounded before it is made."""
    old, new = soft_str(old), soft_str(new)
    if text.count(old) * len(new) > MAX_VALUE:
        raise _grown()
    return text.replace(old, new)


@string_filter
def _split(text: str, separator: object = "") -> list[str]:
    """Liquid's `split`, into so many pieces at most."""
    separator = soft_str("" if separator is None else separator)
    if not separator:
        pieces = list(text[: MOST_PIECES + 1])
    elif not text or text == separator:
        return []
    else:
        pieces = text.split(None if separator == " " else separator, MOST_PIECES)
    if len(pieces) > MOST_PIECES:
        raise ResourceLimitError(f"split: makes more than {MOST_PIECES:,} pieces", token=None)
    return pieces


@with_environment
@string_filter
def _strip_html(text: str, *, environment: Environment) -> str:
    stripped = strip_html(str(text))
    return Markup(stripped) if environment.autoescape and isinstance(text, Markup) else stripped  # noqa: S704 -- as it was


@with_environment
def _date(value: object, format_: object = None, language: object = None, *, environment: Environment) -> object:
    """`date: "long"`, in the words of the template's language or another, or by strftime's signs."""
    if len(str(value)) > MOST_DATE or len(str(format_)) > MOST_DATE:
        raise FilterError(f"date: dates and their formats have at most {MOST_DATE} characters", token=None)
    spoken = str(language) if language else getattr(environment, "language", None)
    text = values.written_date(str(value), "medium" if format_ is None else str(format_), spoken)
    return Markup(text) if environment.autoescape and isinstance(format_, Markup) else text  # noqa: S704 -- as it was


class _Environment(Environment):
    output_stream_limit = MAX_OUTPUT
    local_namespace_limit = MAX_VALUE
    language: str | None = None

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        pseudo_tags = {TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT}
        self.tags = {name: tag for name, tag in self.tags.items() if name in _TAGS | pseudo_tags}
        ours = {"replace": _replace, "split": _split, "strip_html": _strip_html, "date": _date}
        self.filters = {name: _bounded(name, ours.get(name) or self.filters[name]) for name in _FILTERS}

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return _tokens


def _tokens(source: str) -> Iterator[Token]:
    """What Liquid's own lexer would give, in one pass."""
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
        _charge_search(whole, wanted)
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


_COMPARING: dict[type[Expression], type[Expression]] = {
    AnyExpression: _Any,
    ContainsExpression: _Contains,
    EqExpression: _Eq,
    NeExpression: _Ne,
    LtExpression: _Lt,
    LeExpression: _Le,
    GtExpression: _Gt,
    GeExpression: _Ge,
}


def _adapt(nodes: Iterable[Node], context: RenderContext) -> None:
    """Have bare names in conditions ask for text, and refuse what is not for templates."""
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
                case RangeLiteral():
                    raise LiquidTypeError("ranges are not supported", token=expression.token)
                case _:
                    expression.__class__ = _COMPARING.get(type(expression), type(expression))
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
    """What a word was probably meant to be, to be put behind what is wrong with it."""
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
    """What a template asks of its recipients. For `app.killable`, as `render` is."""
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
