"""Templates that take full Liquid: messages a second through the child processes in which they are rendered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from app.mail.message import MessageBuilder
from app.mail.rendering import Renderer
from bench.registry import Figure, Run, bench

LANES = 64
TEXT = (
    "Hello {{ name | split: ' ' | first | default: 'there' }},\n\n"
    "{% if company %}how is {{ company }} doing?{% else %}how are you doing?{% endif %}\n"
    "{% case plan %}{% when 'pro', 'team' %}Your {{ plan | upcase }} plan ends.{% else %}There is more.{% endcase %}\n"
)
FIELDS = {"name": "Ada Lovelace", "company": "Analytical Engines & Co", "plan": "pro"}


@bench("liquid")
def liquid(run: Run) -> Iterator[Figure]:
    """30,000 messages of a kilobyte, subject and body with conditions and filters, for 64 lanes of one sender."""
    emails = run.emails or 30_000
    line = "The same line again and again, to make a kilobyte as plain mail has it.\n"
    builder = MessageBuilder(
        from_address="ann@bench.example",
        display_name="Ann",
        subject="{{ name | split: ' ' | first }}, {% if company %}at {{ company }}{% else %}a word{% endif %}",
        body=TEXT + line * 11,
        body_html=None,
    )
    took_s, used_s = asyncio.run(_build(builder, emails))
    yield Figure("built", emails / took_s, "emails/s", f"{used_s / emails * 1e6:.0f} µs of the parent for each")


async def _build(builder: MessageBuilder, emails: int) -> tuple[float, float]:
    """How long it takes, and for how long the processor is ours meanwhile."""
    renderer = Renderer(builder.liquid, workspace_id=1)
    left = iter(range(emails))
    now = datetime.now(UTC)

    async def lane() -> None:
        for number in left:
            recipient = f"r{number}@bench.example"
            rendered = await renderer.render({**FIELDS, "email": recipient})
            builder.build(recipient, FIELDS, f"<{number}@bench.example>", now, rendered)

    await renderer.render(FIELDS | {"email": "first@bench.example"})  # starts the child
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return time.perf_counter() - began, time.process_time() - used
