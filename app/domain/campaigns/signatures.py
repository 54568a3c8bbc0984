"""Signatures, which a sender's messages end with by themselves. A campaign keeps the one of each of its senders as it
was when the sender came to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import escape

from app.bounds import TEXT, Bounds
from app.db import Conn, Pool, fetch_one, transaction
from app.domain.campaigns import files
from app.domain.campaigns.content import Content
from app.errors import InvalidInput, NotFound
from app.mail.enclosed import files_shown
from app.sql import queries

sql = queries(__name__)
SIGNATURE = Bounds(0, 10_000)  # characters
PICTURES = Bounds(0, 5)  # that it shows
PICTURES_BYTES = 1_000_000  # of these together: they go along beside what a message may have


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
    images = files_shown(signature.html or "")
    params = {
        "workspace_id": workspace_id,
        "sender_id": sender_id,
        **msgspec.structs.asdict(signature),
        "images": images,
    }
    async with transaction(pool, workspace_id) as conn:
        await _use_pictures(conn, workspace_id, signature, images)
        row = await fetch_one(conn, sql.put_signature, params)
    if row is None:
        raise NotFound(f"no sender {sender_id}")
    return Signature(**row)


async def _use_pictures(conn: Conn, workspace_id: int, signature: Signature, images: Sequence[int]) -> None:
    """Have them kept for the signature. Raises InvalidInput."""
    try:
        await files.use(conn, workspace_id, Content("", "", signature.html))
    except InvalidInput as error:
        raise InvalidInput({"html": next(iter(error.fields.values()))}) from None
    size = sum(file.size for file in (await files.of_ids(conn, workspace_id, images)).values())
    if not PICTURES.allow(len(images)) or size > PICTURES_BYTES:
        most = f"{PICTURES.most} of {PICTURES_BYTES / 1_000_000:g} MB together are the most"
        raise InvalidInput({"html": f"shows {len(images)} pictures of {size / 1_000_000:.1f} MB; {most}"})


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
