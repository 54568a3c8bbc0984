"""The end of a message for the sake of the law: a postal address, and a line with the link to unsubscribe."""

from __future__ import annotations

import re
from typing import Literal

from markupsafe import escape

from app.mail.names import UNSUBSCRIBE_URL

PLACEHOLDER = f"{{{{ {UNSUBSCRIBE_URL} }}}}"

Unsubscribe = Literal["link", "header", "none"]

_WORDS = {
    "en": "Unsubscribe",
    "de": "Abmelden",
    "fr": "Se désabonner",
    "es": "Darse de baja",
    "it": "Annulla l'iscrizione",
    "nl": "Afmelden",
    "pt": "Cancelar a subscrição",
    "pl": "Wypisz się",
}
_BODY_ENDS = re.compile(r"</body\s*>", re.IGNORECASE)
_SMALL = '<p style="font-size: 12px; line-height: 1.5">{}</p>'


def example_url(base_url: str) -> str:
    """An example of a link, where a real one could be followed by somebody else than its recipient."""
    return f"{base_url}/u/example"


def with_line(text: str, url: str, language: str | None, *, html: bool) -> str:
    """A text with the line at its end, in its language; `url` is the link, or what is filled in as the link."""
    word = _WORDS.get((language or "").partition("-")[0].lower(), _WORDS["en"])
    if html:
        return at_end(text, _SMALL.format(f'<a href="{url}">{word}</a>'))
    return f"{text.rstrip()}\n\n{word}: {url}\n"


def with_link(text: str, url: str, language: str | None, *, html: bool) -> str:
    """A text that is filled in, with the line at its end unless it has the link."""
    return text if url in text else with_line(text, url, language, html=html)


def with_address(text: str, address: str, *, html: bool) -> str:
    """A text with the lines of a postal address at its end."""
    if html:
        return at_end(text, _SMALL.format("<br>".join(str(escape(line)) for line in address.splitlines())))
    return f"{text.rstrip()}\n\n{address}"


def at_end(html: str, element: str) -> str:
    """HTML with an element at the end of its body."""
    ends = list(_BODY_ENDS.finditer(html))
    end = ends[-1].start() if ends else len(html)
    return f"{html[:end]}{element}\n{html[end:]}"
