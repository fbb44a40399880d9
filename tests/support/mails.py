"""Mails of every shape that MIME allows, and of many that it does not; made for these tests.

Each is written with bare line feeds for legibility and given out with CRLF. Some of the broken
ones imitate what real programs send.
"""

HEAD = """\
Date: Tue, 05 Jan 2026 08:00:00 +0100
From: Sales Desk <sales@contoso.test>
To: Purchasing <purchasing@fabrikam.example.com>
Subject: Order 4711
Message-ID: <4711@contoso.test>
"""
MIME = HEAD + "MIME-Version: 1.0\n"
PLAIN = 'Content-Type: text/plain; charset="utf-8"\n\n'


def _mixed(*parts: str, boundary: str = "b1", kind: str = "mixed", end: bool = True) -> str:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return head + body + (f"--{boundary}--\n" if end else "")


def _message(inner: str, fields: str = "") -> str:
    return f"Content-Type: message/rfc822\n{fields}\n{inner}"


_TEXT = PLAIN + "Hello\n"
_HTML = (
    "Content-Type: text/html; charset=utf-8\n"
    "Content-Transfer-Encoding: quoted-printable\n\n<p>=C3=BC</p>\n"
)
_PDF = (
    'Content-Type: application/pdf; name="offer.pdf"\n'
    "Content-Transfer-Encoding: base64\n"
    'Content-Disposition: attachment; filename="offer.pdf"; size=12\n\n'
    "JVBERi0xLjQK\n"
)
_INNER = HEAD.replace("4711", "4712") + "\nInner text\nof two lines\n"
_INNER_MIXED = (
    HEAD.replace("4711", "4713") + "MIME-Version: 1.0\n" + _mixed(_TEXT, _PDF, boundary="inner")
)


def _nested(depth: int) -> str:
    inner = _TEXT
    for level in range(depth):
        inner = _mixed(inner, _TEXT, boundary=f"level{level}")
    return MIME + inner


def _messages_in_messages(depth: int) -> str:
    inner = _INNER
    for level in range(depth):
        inner = HEAD.replace("4711", str(level)) + "MIME-Version: 1.0\n" + _message(inner)
    return inner


def _headed(fields: str) -> str:
    """Return a mail with these fields and little else."""
    return f"{fields}\nBody\n"


def _listed(value: str, name: str = "To") -> str:
    return (
        HEAD.replace("To: Purchasing <purchasing@fabrikam.example.com>\n", f"{name}: {value}\n")
        + "\nBody\n"
    )


def _typed(value: str, more: str = "") -> str:
    return f"{MIME}Content-Type: {value}\n{more}\nBody\nof two lines\n"


WELL_FORMED: dict[str, str] = {
    "plain": HEAD + "\nHello\n",
    "plain with MIME": MIME + _TEXT,
    "html": MIME + _HTML,
    "no text": MIME + PLAIN,
    "alternative": MIME + _mixed(_TEXT, _HTML, kind="alternative"),
    "attachment": MIME + _mixed(_TEXT, _PDF),
    "related in alternative in mixed": MIME
    + _mixed(
        _mixed(
            _TEXT,
            _mixed(
                _HTML,
                "Content-Type: image/png\nContent-ID: <logo@x>\n\nPNG\n",
                boundary="c",
                kind="related",
            ),
            boundary="b",
            kind="alternative",
        ),
        _PDF,
        boundary="a",
    ),
    "preamble and epilogue": MIME
    + _mixed(_TEXT, _PDF).replace("--b1\n", "This is MIME.\n\n--b1\n", 1)
    + "The epilogue.\nOf two lines.\n",
    "forwarded message": MIME + _mixed(_TEXT, _message(_INNER)),
    "forwarded multipart": MIME + _mixed(_TEXT, _message(_INNER_MIXED)),
    "message alone": MIME + _message(_INNER),
    "multipart message alone": MIME + _message(_INNER_MIXED),
    "message in message": _messages_in_messages(2),
    "message in message in message": _messages_in_messages(3),
    "message attached": MIME
    + _mixed(
        _message(
            _INNER,
            "Content-Disposition: attachment; filename=mail.eml\nContent-Description: A mail\n",
        )
    ),
    "digest": MIME + _mixed(f"\n{_INNER}", f"\n{_INNER_MIXED}", kind="digest"),
    "digest with a text": MIME + _mixed(_TEXT, f"\n{_INNER}", kind="digest"),
    "report": MIME
    + _mixed(
        _TEXT,
        "Content-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mail.contoso.test\n\nAction: failed\n",
        "Content-Type: text/rfc822-headers\n\n" + HEAD,
        kind="report; report-type=delivery-status",
    ),
    "signed": MIME
    + _mixed(
        _TEXT,
        "Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n",
        kind='signed; protocol="application/pgp-signature"; micalg=pgp-sha256',
    ),
    "deeply nested": _nested(8),
    "one part": MIME + _mixed(_TEXT),
    "part without a header": MIME + _mixed("\nNo header\n", _PDF),
    "empty part": MIME + _mixed("", _TEXT),
    "part of a header only": MIME + _mixed(PLAIN.rstrip("\n"), _TEXT),
    "empty text parts": MIME + _mixed(PLAIN, PLAIN, PLAIN),
    "boundary with blanks and signs": MIME + _mixed(_TEXT, _PDF, boundary="=_ (a)+'b'/c:?"),
    "boundary that begins another": MIME
    + _mixed(_mixed(_TEXT, _PDF, boundary="foobar"), _TEXT, boundary="foo"),
    "every field of a part": MIME
    + _mixed(
        "Content-Type: text/plain; charset=utf-8; format=flowed\n"
        "Content-ID: <id@contoso.test>\n"
        "Content-Description: The offer\n"
        "Content-Transfer-Encoding: 8bit\n"
        "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        'Content-Disposition: inline; filename="offer.txt";'
        ' creation-date="Mon, 05 Jan 2026 08:00:00 +0100"\n'
        "Content-Language: de, en-GB\n"
        "Content-Location: https://contoso.test/offer.txt\n"
        "\nHello\n",
    ),
    "fields of the whole": MIME.replace(
        "MIME", "Content-Language: de\nContent-Location: x\nMIME", 1
    )
    + "Content-Disposition: inline\nContent-MD5: abc\n"
    + _mixed(_TEXT),
    "RFC 2231 in parts": _typed(
        'application/octet-stream;\n name*0="a long ";\n name*1="name.pdf"',
        "Content-Disposition: attachment;\n filename*0*=utf-8''%C3%BCber;\n"
        ' filename*1*=%20all;\n filename*2=".pdf"\n',
    ),
    "RFC 2231 with a language": _typed(
        "text/plain", "Content-Disposition: attachment; filename*=iso-8859-1'de'Angebot%FC.pdf\n"
    ),
    "RFC 2231 in another order": _typed("text/plain; name*1=b; name*0=a; charset=utf-8"),
    "RFC 2231 with a gap": _typed("text/plain; name*0=a; name*2=b"),
    "RFC 2047 words": HEAD.replace(
        "Order 4711", "=?utf-8?Q?=C3=9Cberweisung?= =?iso-8859-1?B?/A==?="
    ).replace("Sales Desk", "=?utf-8?B?w5xiZXI=?=")
    + "\nBody\n",
    "RFC 2047 in a parameter": _typed('application/pdf; name="=?utf-8?Q?=C3=BC.pdf?="'),
    "folded fields": HEAD.replace(
        "Subject: Order 4711", "Subject: A subject\n that goes on\n\tand on"
    )
    .replace(
        "<purchasing@fabrikam.example.com>",
        "\n <purchasing@fabrikam.example.com>,\n Other\n\t<other@fabrikam.example.com>",
    )
    .replace("Message-ID: <", "Message-ID:\n <")
    + "\nBody\n",
    "every address": _headed(
        "From: a@x.test, B <b@x.test>\nSender: B <b@x.test>\nReply-To: c@x.test\nTo: d@x.test\n"
        "Cc: e@x.test, F F <f@x.test>\nBcc: g@x.test\nIn-Reply-To: <1@x.test> <2@x.test>\n"
        "References: <1@x.test>\nSubject: all\nDate: Tue, 05 Jan 2026 08:00:00 +0100\n"
        "Message-ID: <3@x.test>\n"
    ),
    "group": _listed("Buyers: Ann <ann@x.test>, bob@x.test;, carl@x.test"),
    "empty group": _listed("undisclosed-recipients:;"),
    "groups with blanks": _listed(" A group : ;, B: b@x.test ; , c@x.test"),
    "quoted names": _listed(
        '"Doe, Jane" <jane@x.test>, "He said \\"no\\"" <he@x.test>, "back\\\\slash" <b@x.test>'
    ),
    "quoted local part": _listed('"a b"@x.test, <"c@d"@x.test>'),
    "comments": _listed(
        "(first) jane@x.test (Jane Doe), Bob (the \\) builder) <bob@x.test (at home)>"
    ),
    "nested comments": _listed("jane@x.test (Jane (the) Doe)"),
    "domain literal": _listed("jane@[192.0.2.1], Bob <bob@[IPv6:2001:db8::1]>"),
    "route": _listed("Jane <@a.test,@b.test:jane@x.test>"),
    "name of many words": _listed("Jane Q. Doe Jr. <jane@x.test>, O'Neill & Co <o@x.test>"),
    "dots with blanks": _listed("jane . doe @ x . test"),
    "empty address": _listed("<>"),
    "addresses and empty ones": _listed("a@x.test, , b@x.test,"),
    "many recipients": _listed(", ".join(f"Person {n} <p{n}@x.test>" for n in range(300))),
    "very long subject": HEAD.replace("Order 4711", "word " * 400) + "\nBody\n",
    "very long field": HEAD + "X-Long: " + "x" * 20_000 + "\n\nBody\n",
    "many fields": HEAD
    + "".join(f"Received: from a{n} by b{n}\n" for n in range(500))
    + "\nBody\n",
    "repeated X-fields": HEAD + "X-A: 1\nX-B: 2\nX-A: 3\n\nBody\n",
    "subject with quotes": HEAD.replace("Order 4711", 'The "new" offer \\ order') + "\nBody\n",
    "subject with blanks": HEAD.replace("Order 4711", "  two  blanks \t and a tab  ") + "\nBody\n",
    "empty subject": HEAD.replace("Order 4711", "") + "\nBody\n",
    "uppercase names": MIME.upper().replace("CONTOSO", "contoso")
    + "CONTENT-TYPE: TEXT/PLAIN; CHARSET=UTF-8\n\nBody\n",
    "no blank behind the colon": HEAD.replace(": ", ":") + "\nBody\n",
    "date with a comment": HEAD.replace("+0100", "+0100 (CET)") + "\nBody\n",
    "calendar": _typed(
        'text/calendar; method=REQUEST; charset="UTF-8"', "Content-Transfer-Encoding: 7bit\n"
    ),
    "large": MIME + PLAIN + "A line of sixty characters, as mails have them by thousands.\n" * 4000,
    "large attachment": MIME
    + _mixed(_TEXT, _PDF.replace("JVBERi0xLjQK\n", "JVBERi0xLjQKJVBERi0xLjQKJVBERi0x\n" * 4000)),
}

BROKEN: dict[str, str] = {
    "an empty line": "\n",
    "no header": "\nA body and no header\nof two lines\n",
    "no body": HEAD,
    "no empty line": HEAD + "Body begins without one\nand has a: colon\n",
    "no line end": HEAD + "\nno line end",
    "header without line end": HEAD.rstrip("\n"),
    "one word": "word",
    "unreadable date": HEAD.replace("Tue, 05 Jan 2026 08:00:00 +0100", "yesterday, about noon")
    + "\nBody\n",
    "impossible date": HEAD.replace("05 Jan 2026", "99 Foo 0000") + "\nBody\n",
    "no date": "\n".join(HEAD.split("\n")[1:]) + "\nBody\n",
    "no boundary parameter": MIME + "Content-Type: multipart/mixed\n\n--b\n\nBody\n--b--\n",
    "empty boundary parameter": MIME
    + 'Content-Type: multipart/mixed; boundary=""\n\n--\n\nBody\n----\n',
    "boundary never comes": MIME + 'Content-Type: multipart/mixed; boundary="b"\n\nNo parts here\n',
    "no final boundary": MIME + _mixed(_TEXT, _PDF, end=False),
    "no final boundary inside": MIME + _mixed(_mixed(_TEXT, boundary="c", end=False), _TEXT),
    "final boundary only": MIME + 'Content-Type: multipart/mixed; boundary="b"\n\n--b--\nBody\n',
    "final boundary first": MIME + _mixed(_TEXT).replace("--b1\n", "--b1--\n--b1\n", 1),
    "parts after the final boundary": MIME + _mixed(_TEXT) + f"--b1\n{_PDF}\n--b1--\n",
    "two boundaries in a row": MIME + _mixed(_TEXT).replace("--b1\n", "--b1\n--b1\n", 1),
    "boundary at the end": MIME + _mixed(_TEXT, end=False) + "--b1",
    "boundary line at the end": MIME + _mixed(_TEXT, end=False) + "--b1\n",
    "blanks behind boundaries": MIME + _mixed(_TEXT, _PDF).replace("--b1\n", "--b1  \t\n"),
    "text behind boundaries": MIME + _mixed(_TEXT, _PDF).replace("--b1\n", "--b1 and more\n"),
    "boundary in a header": MIME + _mixed("Content-Type: text/plain\nX-Cut: yes", _TEXT),
    "same boundary inside": MIME + _mixed(_mixed(_TEXT, _PDF), _TEXT),
    "outer boundary inside": MIME + _mixed(_mixed(_TEXT, "x\n--b1\n" + _TEXT, boundary="c"), _TEXT),
    "message cut by a boundary": MIME + _mixed(_message(HEAD.rstrip("\n")), _TEXT),
    "message of nothing": MIME + "Content-Type: message/rfc822\n\n",
    "message part of nothing": MIME + _mixed("Content-Type: message/rfc822\n", _TEXT),
    "message in base64": MIME
    + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYQ==\n",
    "partial message": MIME + "Content-Type: message/partial; id=a; number=1\n\nBody\n",
    "multipart in base64": MIME.rstrip("\n")
    + "\nContent-Transfer-Encoding: base64\n"
    + _mixed(_TEXT),
    "no MIME-Version": HEAD + _mixed(_TEXT, _PDF),
    "Content fields without MIME": HEAD + "Content-Disposition: attachment\nContent-ID: <a>\n"
    "Content-Transfer-Encoding: base64\n\nBody\n",
    "type without subtype": _typed("text"),
    "type with empty subtype": _typed("text/"),
    "empty type": _typed(""),
    "type of signs": _typed("/; ;=;"),
    "type with a comment": _typed("text/plain (a comment); charset=utf-8 (another)"),
    "type with blanks": _typed(" text / plain ; charset = utf-8 "),
    "multipart without subtype": MIME
    + 'Content-Type: multipart; boundary="b"\n\n--b\n\nBody\n--b--\n',
    "parameter without value": _typed("text/plain; charset; name=a"),
    "parameter with empty value": _typed('text/plain; charset=; name=""'),
    "parameter with an open quote": _typed('text/plain; name="open; charset=utf-8'),
    "parameter unquoted": _typed("application/pdf; name=my offer.pdf"),
    "parameter with an encoded-word": _typed("application/pdf; name==?utf-8?Q?=C3=BC.pdf?="),
    "parameters without semicolons": _typed("text/plain charset=utf-8 name=a"),
    "semicolon at the end": _typed("text/plain; charset=utf-8;"),
    "slash in a parameter": _typed("application/x; name=a/b?c"),
    "parameter twice": _typed("text/plain; charset=a; charset=b"),
    "quotes with escapes": _typed('application/x; name="a\\"b\\\\c"'),
    "type twice": MIME + "Content-Type: text/html\nContent-Type: text/plain\n\nBody\n",
    "disposition twice": MIME + "Content-Type: text/html\nContent-Disposition: inline\n"
    "Content-Disposition: attachment; filename=a\n\nBody\n",
    "disposition of signs": _typed("text/plain", "Content-Disposition: ; filename=a\n"),
    "disposition without value": _typed("text/plain", "Content-Disposition:\n"),
    "disposition quoted": _typed("text/plain", 'Content-Disposition: "attachment"; filename=a\n'),
    "language of signs": _typed("text/plain", "Content-Language: de,, en;q=1\n"),
    "empty language": _typed("text/plain", "Content-Language:\n"),
    "encoding of two words": _typed("text/plain", "Content-Transfer-Encoding: 7bit 8bit\n"),
    "encoding with a comment": _typed("text/plain", "Content-Transfer-Encoding: 7bit (really)\n"),
    "encoding with a semicolon": _typed("text/plain", "Content-Transfer-Encoding: base64;\n"),
    "empty encoding": _typed("text/plain", "Content-Transfer-Encoding:\n"),
    "encoding twice": _typed(
        "text/plain", "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: 8bit\n"
    ),
    "folded identifiers": _typed(
        "text/plain", "Content-ID:\n <a@b>\nContent-Description: one\n\ttwo\n"
    ),
    "address of words": _listed("Jane Doe"),
    "address without an end": _listed("Jane <jane@x.test"),
    "address without a domain": _listed("jane, Bob <bob>, <carl@>"),
    "address without a mailbox": _listed("@x.test, Bob <@x.test>"),
    "two at signs": _listed("jane@doe@x.test, Bob <b@c@x.test>"),
    "text behind an address": _listed("<jane@x.test> Jane Doe, b@x.test"),
    "semicolons for commas": _listed("a@x.test; b@x.test; c@x.test"),
    "unquoted comma": _listed("Doe, Jane <jane@x.test>"),
    "unquoted dots": _listed("J. Doe <j@x.test>, .dot <d@x.test>, b@x.test"),
    "two dots": _listed("a..b@x.test, c@x.test"),
    "dots at the ends": _listed("a.@x.test, .b@x.test, C <.c.@x.test>, d@.x.test, e@x.test"),
    "domains with stray dots": _listed("a@x.test., b@x..test, C <c@x..test>, D <d@x.test.>"),
    "domain with blanks": _listed("a@x . test, B <b@x . test>, c@x.test"),
    "domain that ends in a dot": _listed("A <a@x.test.>, b@x.test"),
    "domains that are missing": _listed("A <a@>, B <b@ >, c@, d@x.test"),
    "quoted words": _listed('"a" "b", "" <c@x.test>, ""@x.test, d@x.test'),
    "dots with blanks in angles": _listed("A <a . b@x.test>, C <c@x . test>"),
    "words and a comment": _listed("Jane Doe (at home), b@x.test"),
    "words with quotes": _listed('"Jane" Doe, b@x.test'),
    "quoted word alone": _listed('"jane", b@x.test'),
    "word alone": _listed("jane, b@x.test"),
    "empty angles with a name": _listed("Nobody <>, b@x.test"),
    "routes": _listed("<@a.test:>, <@:b@x.test>, <@a.test,@b.test>, c@x.test"),
    "unquoted at sign": _listed("jane@home <jane@x.test>"),
    "unquoted brackets": _listed("[Sales] <sales@x.test>, b@x.test"),
    "open quote": _listed('"Jane <jane@x.test>, b@x.test'),
    "open comment": _listed("Jane (the <jane@x.test>, b@x.test"),
    "open group": _listed("Buyers: ann@x.test, bob@x.test"),
    "group in a group": _listed("A: b@x.test, C: d@x.test;;"),
    "broken route": _listed("Jane <@a.test jane@x.test>, b@x.test"),
    "double angles": _listed("<<jane@x.test>>, b@x.test"),
    "quoted address": _listed("'jane@x.test' <jane@x.test>, \"b@x.test\""),
    "commas only": _listed(",,,"),
    "blanks only": _listed("   "),
    "control characters": _listed("Jane\x01Doe <jane\x02@x.test>"),
    "From twice": HEAD
    + "From: Other <other@x.test>\nSubject: Another\nMessage-ID: <2@x>\nDate: now\n\nBody\n",
    "To twice": HEAD + "To: Other <other@x.test>\nCc: c@x.test\nCc: d@x.test\n\nBody\n",
    "no From": "Subject: Nobody\nTo: a@x.test\n\nBody\n",
    "empty From": "From:\nSender: s@x.test\nReply-To:\nSubject: x\n\nBody\n",
    "Message-ID of many words": HEAD.replace("<4711@contoso.test>", "4711 and more <a@b>")
    + "\nBody\n",
    "line without a colon": HEAD + "This is no field\nX-After: yes\n\nBody\n",
    "mbox line": "From sales@contoso.test Tue Jan  5 08:00:00 2026\n" + HEAD + "\nBody\n",
    "continuation first": " continued from nothing\n" + HEAD + "\nBody\n",
    "blank before the colon": HEAD.replace("Subject:", "Subject :")
    + "Content-Type : text/html\n\nBody\n",
    "line of blanks in the header": HEAD + "  \nX-After: yes\n\nBody\n",
    "subject of blanks": HEAD.replace("Order 4711", "   ") + "\nBody\n",
    "8-bit headers": HEAD.replace("Order", "Überweisung").replace("Sales Desk", "Jörg Größer")
    + "\nBody\n",
    "8-bit parameters": _typed(
        'application/pdf; name="Übersicht.pdf"',
        "Content-Description: Größe\nContent-Disposition: attachment; filename=Übersicht.pdf\n",
    ),
    "8-bit local part": _listed("jörg@x.test, Jörg <jörg@größe.test>"),
    "8-bit body": MIME + PLAIN + "Schöne Grüße\n",
    "tabs": HEAD.replace(": ", ":\t") + "\nBody\n",
    "deeper than sensible": _nested(60),
    "messages deeper than sensible": _messages_in_messages(40),
}

#: written in another encoding than UTF-8, or with line ends of their own
RAW: dict[str, bytes] = {
    "latin-1 headers": (HEAD.replace("Order", "Überweisung") + "\nGrüße\n")
    .replace("\n", "\r\n")
    .encode("latin-1"),
    "bare line feeds": (MIME + _mixed(_TEXT, _PDF)).encode(),
    "mixed line ends": (MIME + _mixed(_TEXT, _message(_INNER), _PDF))
    .replace("\n", "\r\n", 12)
    .encode(),
    "bare line feeds without end": (HEAD + "\nBody").encode(),
    "bare carriage returns": (HEAD + "\n").replace("\n", "\r\n").encode() + b"one\rtwo\r\nthree\r",
}


def corpus() -> dict[str, bytes]:
    """Return every mail by its name."""
    made = {
        name: text.replace("\n", "\r\n").encode() for name, text in (WELL_FORMED | BROKEN).items()
    }
    return made | RAW
