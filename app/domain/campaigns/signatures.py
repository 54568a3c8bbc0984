"""What a sender's messages end with, put in by itself. A campaign keeps that of each of its senders as it was when the
sender came to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import escape

from app.bounds import TEXT, Bounds
from app.db import Conn, Pool, fetch_one, transaction
from app.domain.campaigns.content import Content
from app.errors import InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)
SIGNATURE = Bounds(0, 10_000)  # characters


class Signature(msgspec.Struct, frozen=True):
    """As text and, for messages with HTML, as HTML; without it the text stands there, too. An empty text: none."""

    text: str
    html: str | None = None


async def get(pool: Pool, workspace_id: int, sender_id: int) -> Signature:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.get_signature, {"workspace_id": workspace_id, "sender_id": sender_id})
    if row is None:
        raise NotFound(f"no sender {sender_id}")
    return Signature(**row)


async def put(pool: Pool, workspace_id: int, sender_id: int, signature: Signature) -> Signature:
    """Raises NotFound, InvalidInput."""
    wrong: dict[str, str] = {}
    for name, text in (("text", signature.text), ("html", signature.html or "")):
        if not SIGNATURE.allow(len(text)) or "\0" in text:
            wrong[name] = f"give at most {SIGNATURE.most:,} characters, without NUL"
        elif "{{" in text or "{%" in text:
            wrong[name] = "has a merge field; a signature is the same for everybody"
    if signature.html and not signature.text.strip():
        wrong["text"] = "is empty; messages without HTML end with it"
    if wrong:
        raise InvalidInput(wrong)
    params = {"workspace_id": workspace_id, "sender_id": sender_id, **msgspec.structs.asdict(signature)}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.put_signature, params)
    if row is None:
        raise NotFound(f"no sender {sender_id}")
    return Signature(**row)


async def sign(conn: Conn, workspace_id: int, campaign_id: int, sender_ids: Sequence[int]) -> None:
    """Keep for the campaign what messages of these of its senders end with."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_ids": list(sender_ids)}
    await conn.execute(sql.sign_campaign, params)


def signed(content: Content, text: str | None, html: str | None) -> Content:
    """Content as it is sent, with a signature at its end. A part that would be too long with it goes without."""
    if not text:
        return content
    body = f"{content.body.rstrip()}\n\n{text}" if content.body.strip() else content.body
    body_html = content.body_html
    if body_html:
        end = body_html.lower().rfind("</body>")
        end = len(body_html) if end < 0 else end
        shown = html or "<p>" + "<br>".join(str(escape(line)) for line in text.splitlines()) + "</p>"
        body_html = f"{body_html[:end]}<div>{shown}</div>\n{body_html[end:]}"
    return msgspec.structs.replace(
        content,
        body=body if TEXT.allow(len(body)) else content.body,
        body_html=body_html if body_html is None or TEXT.allow(len(body_html)) else content.body_html,
    )
