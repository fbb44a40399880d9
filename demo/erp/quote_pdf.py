"""A quote as a PDF of one page (ISO 32000-1). The same quote gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .quotes import Quote

#: An A4 page, in points.
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def price(cents: int) -> str:
    """Return a price as a person reads it."""
    return f"{cents / 100:,.2f} EUR"


def quote_pdf(quote: Quote) -> bytes:
    """Return the quote as a file to attach."""
    return _pdf(
        (
            f"Quote {quote.number}, version {quote.version}",
            quote.title,
            "",
            f"For {quote.customer}",
            "",
            *(f"{each.pieces} x {each.text}: {price(each.total)}" for each in quote.items),
            "",
            f"Total: {price(quote.total)}",
            f"This quote is valid until {quote.valid_until.isoformat()}.",
        )
    )


def _pdf(lines: Iterable[str]) -> bytes:
    shown = b"\n".join(b"(%b) Tj T*" % _literal(line) for line in lines)
    text = b"BT /F1 12 Tf 18 TL 56 770 Td\n%b\nET" % shown
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE + b" /Resources << /Font << /F1 4 0 R >> >> >>",
        _FONT,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text),
    )
    file, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (count, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(file))
    )


def _literal(line: str) -> bytes:
    # The page's font has the characters of Windows-1252 only.
    text = line.encode("cp1252", "replace")
    for character in (b"\\", b"(", b")"):
        text = text.replace(character, b"\\" + character)
    return text
