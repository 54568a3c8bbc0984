"""HTML as people's programs write it: read to its end, whatever is in it."""

from __future__ import annotations

from html.parser import HTMLParser

from app.mail.references import bounded


class LenientParser(HTMLParser):
    """Python's own, which knows of `<![if …]>` and `<![CDATA[…]]>` and ends itself over others of their kind."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def feed(self, data: str) -> None:
        super().feed(bounded(data))

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Leaves it out, up to its `>`; negative: that is not there yet."""
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else -1
