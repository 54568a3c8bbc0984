"""HTML without its tags, in one pass: no text, however many tags it begins and does not end, is gone through twice."""

from __future__ import annotations

import re

_OPENING = re.compile(r"<(?:!--|(script|style)(?![\w-])|[a-z/!?])", re.IGNORECASE | re.ASCII)
_CLOSING = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE | re.ASCII) for name in ("script", "style")}


def strip_html(text: str) -> str:
    """Without tags and comments, and without scripts and styles whole. A beginning like that of a tag that never ends
    is text, and so is a `<` before anything that is no name. Entities stay as they are.
    """
    kept: list[str] = []
    position = 0
    never: set[str] = set()  # ends that do not come any more: nobody looks for them again
    while opening := _OPENING.search(text, position):
        kept.append(text[position : opening.start()])
        position = _end(text, opening, never)
        if position == opening.start():
            kept.append("<")
            position += 1
    kept.append(text[position:])
    return "".join(kept)


def _end(text: str, opening: re.Match[str], never: set[str]) -> int:
    """Where what begins here ends; where it begins, if it does not."""
    name = (opening[1] or "").lower()
    if name and name not in never:
        if end := _CLOSING[name].search(text, opening.end()):
            return end.end()
        never.add(name)
    for closing in ("-->", ">") if opening[0] == "<!--" else (">",):
        if closing not in never:
            if (at := text.find(closing, opening.end())) >= 0:
                return at + len(closing)
            never.add(closing)
    return opening.start()
