"""Liquid in a child process: templates analysed, and rendered for many recipients in one message.

A user's text is lexed and rendered there and nowhere else, so one that takes for ever costs its budget, and the child
of that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from app.killable import Budget, Children, Failure
from app.mail import document, liquid
from app.mail.document import Made, Written
from app.mail.markup import TemplateError
from app.mail.templates import ESCAPED, Fields, Source, Template, Wrong

# Of all templates of an email; one takes a quarter of it at the very worst, which `make test-long` looks for.
BUDGET = Budget(cpu_s=1.0, memory_bytes=100_000_000)
MOST_TOGETHER = 64  # recipients in one message

_children = Children()
_OVER = {
    "processor time": f"takes more than {BUDGET.cpu_s:g} s of processor time",
    "time": f"takes more than {BUDGET.wall_s:g} s",
    "memory": f"takes more than {BUDGET.memory_bytes // 1_000_000} MB of memory",
    "crash": "ends the process that does it",
}


class NotRendered(Exception):
    """Through no fault of the template: what renders it was ended, or has an error."""


Rendered = list[str | TemplateError] | NotRendered  # of one recipient


async def render(
    sources: Sequence[Source], recipients: Sequence[Mapping[str, str]], workspace_id: int
) -> list[Rendered]:
    """Each template for each recipient."""
    results = await _children.run(
        liquid.render, list(sources), [dict(fields) for fields in recipients], BUDGET, workspace_id=workspace_id
    )
    return [_rendered(result, len(sources)) for result in results]


async def make(written: Written, workspace_id: int) -> Made | None:
    """The document that is sent; None: making it takes too much. Raises NotRendered."""
    (result,) = await _children.run(document.make, None, [written], BUDGET, workspace_id=workspace_id)
    if not isinstance(result, Failure):
        return result
    if isinstance(error := _error(result), NotRendered):
        raise error
    return None


def _rendered(result: list[str | Wrong] | Failure, templates: int) -> Rendered:
    if isinstance(result, Failure):
        error = _error(result)
        return error if isinstance(error, NotRendered) else list[str | TemplateError]([error] * templates)
    return [TemplateError(one.detail, one.field) if isinstance(one, Wrong) else one for one in result]


def _error(failure: Failure) -> TemplateError | NotRendered:
    if failure.end in _OVER:
        return TemplateError(f"filling in the template {_OVER[failure.end]}")
    return NotRendered(f"{failure.end} {failure.detail}".strip())


class Templates:
    """Templates by their names. Those that are `plain`, text with values in it and nothing else, are filled in here,
    those with more of `liquid` in a child.
    """

    def __init__(self, sources: Mapping[str, Source], workspace_id: int) -> None:
        """Nothing is parsed yet."""
        self._workspace_id = workspace_id
        self._sources = sources
        self.plain: dict[str, Template] = {}
        self.liquid: dict[str, Source] = {}
        self.fields: dict[str, Fields] = {}
        self.wrong: dict[str, str] = {}

    @classmethod
    async def parse(cls, sources: Mapping[str, Source], workspace_id: int) -> Templates:
        """`wrong` says which are no templates and why; these have no `fields`. Raises NotRendered."""
        made = cls(sources, workspace_id)
        for name, source in sources.items():
            try:
                template = Template.parse(source)
            except TemplateError as error:
                made.wrong[name] = error.detail
                continue
            if template is None:
                made.liquid[name] = source
            else:
                made.plain[name], made.fields[name] = template, template.fields
        if made.liquid:
            await made._analyse()
        return made

    async def _analyse(self) -> None:
        sources = list(self.liquid.values())
        results = await _children.run(liquid.analyse, None, sources, BUDGET, workspace_id=self._workspace_id)
        for name, result in zip(list(self.liquid), results, strict=True):
            if isinstance(result, Fields):
                self.fields[name] = result
                continue
            if isinstance(result, Failure) and isinstance(error := _error(result), NotRendered):
                raise error
            del self.liquid[name]
            self.wrong[name] = result.detail if isinstance(result, Wrong) else str(_error(result))

    def all_of(self, kind: Literal["mentioned", "required", "dates", "numbers"]) -> frozenset[str]:
        """The merge fields of any of them."""
        return frozenset[str]().union(*(getattr(fields, kind) for fields in self.fields.values()))

    @property
    def mentioned(self) -> frozenset[str]:
        """Every merge field of any of them."""
        return self.all_of("mentioned")

    @property
    def required(self) -> frozenset[str]:
        return self.all_of("required")

    def spare(self, name: str, most: int) -> int:
        """How many characters each value may have so that a text with more of Liquid has no more than `most`, as far as
        nothing in it makes them longer.
        """
        source = self.liquid[name]
        prints = (source.text.count("{{") + source.text.count("echo")) * (ESCAPED if source.html else 1)
        return (most - len(source.text)) // max(prints, 1)

    async def render(self, recipients: Sequence[Mapping[str, str]]) -> list[dict[str, str | TemplateError]]:
        """All that parsed for each recipient, by name. Raises NotRendered."""
        texts = [
            more | {name: _filled(template, fields) for name, template in self.plain.items()}
            for fields, more in zip(recipients, await self.render_liquid(recipients), strict=True)
        ]
        return [{name: text[name] for name in self._sources if name in text} for text in texts]

    async def render_liquid(self, recipients: Sequence[Mapping[str, str]]) -> list[dict[str, str | TemplateError]]:
        """The same of those alone that are filled in in a child."""
        if not self.liquid:
            return [{} for _ in recipients]
        rendered = await render(list(self.liquid.values()), recipients, self._workspace_id)
        texts: list[dict[str, str | TemplateError]] = []
        for one in rendered:
            if isinstance(one, NotRendered):
                raise one
            texts.append(dict(zip(self.liquid, one, strict=True)))
        return texts


def _filled(template: Template, fields: Mapping[str, str]) -> str | TemplateError:
    try:
        return template.render(fields)
    except TemplateError as error:
        return error


class Renderer:
    """Renders for recipients as they come, those of the same moment in one message."""

    def __init__(self, sources: Sequence[Source], workspace_id: int) -> None:
        self._sources = sources
        self._workspace_id = workspace_id
        self._asked: list[tuple[Mapping[str, str], asyncio.Future[Rendered]]] = []
        self._task: asyncio.Task[None] | None = None

    async def render(self, fields: Mapping[str, str]) -> list[str]:
        """All templates for one recipient. Raises TemplateError and NotRendered."""
        future: asyncio.Future[Rendered] = asyncio.get_running_loop().create_future()
        self._asked.append((fields, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        result = await future
        if isinstance(result, NotRendered):
            raise result
        texts: list[str] = []
        for text in result:
            if isinstance(text, TemplateError):
                raise text
            texts.append(text)
        return texts

    async def _work(self) -> None:
        while self._asked:
            batch, self._asked = self._asked[:MOST_TOGETHER], self._asked[MOST_TOGETHER:]
            try:
                results = await render(self._sources, [fields for fields, _ in batch], self._workspace_id)
            except Exception as error:
                for _, future in batch:
                    if not future.done():  # cancelled
                        future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
