"""Servers that say odd things at every stage: an error of ours or a right result, nothing raw.

1,500 talks for each protocol, drawn with a seed that the run prints. The servers are played in
memory, so that nothing waits: a server that has no more to say has closed the connection.
"""

import base64
import random
import resource
from collections import Counter
from contextlib import contextmanager

import pytest
from salesorder_m365.plugin.errors import MailError
from salesorder_m365.plugin.findings.catalogue import codes
from salesorder_m365.plugin.transport import imap, smtp
from salesorder_m365.plugin.transport.imap import imap_session
from salesorder_m365.plugin.transport.smtp import smtp_session
from salesorder_m365.plugin.wire.deadline import Deadline, count

TALKS = 1500
SEED = 20261125
SALES = "sales@contoso.test"
TOKEN = "canary-token"
STAGES = {"name", "connect", "tls", "sign_in", "mailbox", "folders", "sender"}

#: What a server may say in place of an answer; `%t` stands for the command's tag.
IMAP_ATOMS = [
    *(b"", b"\r", b"\n", b" ", b"+", b"+ ", b"+x", b"+ %%%", b"+ eyJzdGF0dXMiOiI0MDAifQ=="),
    *(b"*", b"* ", b"*  OK", b"* OK", b"* ok", b"* NO", b"* BAD", b"* NO [", b"* OK [CAPABILITY"),
    *(b"* BYE", b"* BYE ", b"* BYE {3}\r\nabc", b"* BYE {99999999999}", b"* PREAUTH hello"),
    *(b"* CAPABILITY", b"* CAPABILITY ", b"* CAPABILITY {2}\r\nab", b"* FLAGS", b"* SEARCH"),
    *(b"* 1 EXISTS", b"* -1 EXISTS", b"* 99999999999999999999 FETCH {9}", b"* 1 FETCH"),
    *(b"* LIST", b"* LIST ", b"* LIST (", b'* LIST () "/"', b'* LIST () "/" {5}\r\nab'),
    *(b'* list () "/" a', b"* LIST () NIL {0}\r\n", b'* LIST () "" {1}\r\na ("X" {2}\r\nbc)'),
    *(b'* LIST (\\Sent\\HasNoChildren)  "/"  "b"', b"* LIST () NIL " + b"x" * 9000),
    *(b"* STATUS", b"* STATUS a", b'* STATUS "a" (UIDVALIDITY )', b"* STATUS a (UIDVALIDITY 5)"),
    *(b'* STATUS "a" (UIDVALIDITY 99999999999999999999)', b"* STATUS {1}\r\na (UIDVALIDITY 5)"),
    *(b"%t", b"%t ", b"%t OK", b"%t ok", b"%t NO", b"%t BAD", b"%t BAD {9}", b"%t PREAUTH"),
    *(b"%t OK [", b"%t NO [UNAVAILABLE", b"%t NO [TRYCREATE]", b"%t BYE", b"%t OK {3}\r\nabc"),
    *(b"other OK", b"\x00\xff\xfe", b"\xed\xa0\x80", b"{4294967296}", b"* X {%s}" % (b"9" * 5000)),
    *(b"HTTP/1.1 400 Bad Request", b"220 ready", b"A" * 70_000, b"* " + b"(" * 5000),
]
SMTP_ATOMS = [
    *(b"", b"\r", b"\n", b" ", b"2", b"25", b"250", b"250 ", b"250-", b"250-\r\n250-\r\n250 "),
    *(b"abc", b"-1 x", b"+25 x", b"2_5 x", b" 25 x", b"99999999999 x", b"\xb2\xb3 x", b"000 x"),
    *(b"220", b"221 bye", b"235", b"235-x", b"334", b"334 ", b"334 %%%", b"334-x\r\n334 x"),
    *(b"354 go on", b"421", b"421 4.3.2", b"432 4.3.2 x", b"454 x", b"500", b"501", b"503 x"),
    *(
        b"504 5.7.4",
        b"530 x",
        b"535",
        b"535 5.7.3",
        b"535 5.7.139 x",
        b"550 5.7.60",
        b"552",
        b"555",
    ),
    *(b"250-x\r\n500 y", b"250 x\r\n250 y", b"535 x\r\n235 y", b"\x00\xff\xfe", b"\xed\xa0\x80"),
    *(
        b"* OK IMAP4 ready",
        b"HTTP/1.1 400 Bad Request",
        b"250 " + b"x" * 9000,
        b"250-" + b"y" * 70_000,
    ),
    *(
        b"250-SIZE\r\n250-AUTH\r\n250-STARTTLS x\r\n250 =",
        b"250-" + b"\r\n250-".join([b"Z"] * 3000),
    ),
]


class Played:
    """A connection in memory: `answers(line)` is what the server says to each line."""

    def __init__(self, greeting, answers):
        self._unread, self._answers, self._partial = greeting, answers, b""

    def sendall(self, data):
        *lines, self._partial = (self._partial + bytes(data)).split(b"\r\n")
        self._unread += b"".join(map(self._answers, lines))

    def recv(self, size, flags=0):
        data = self._unread[:size]
        if not flags:
            self._unread = self._unread[size:]
            count(len(data))
        return data

    def read(self, size):
        return self.recv(size)

    def readline(self, longest=-1):
        end = self._unread.find(b"\n") + 1 or len(self._unread)
        return self.recv(end if longest < 0 else min(end, longest))

    def settimeout(self, seconds):
        """Nothing waits here."""

    def makefile(self, _mode):
        return self

    def secured(self):
        """Return the same connection over TLS; the plain socket is used up."""
        return Played(self._unread, self._answers)

    @property
    def more(self):
        return bool(self._unread)

    def close(self):
        self._unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Talk:
    """One server: as a good one says it, or something odd before it or in its place."""

    def __init__(self, seed, atoms):
        self._draw, self._atoms = random.Random(seed), atoms
        self._odd_at = self._draw.randrange(7)
        self._turn = 0

    def said(self, good, tag=b""):
        self._turn += 1
        if self._turn != self._odd_at + 1 and self._draw.random() > 0.1:
            return good
        odd = [self._draw.choice(self._atoms) for _ in range(self._draw.randint(1, 3))]
        ends = [self._draw.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]) for _ in odd]
        lines = b"".join(atom + end for atom, end in zip(odd, ends, strict=True))
        return lines.replace(b"%t", tag) + (good if self._draw.random() < 0.5 else b"")


def imap_talk(talk):
    def answers(line):
        tag, _, command = line.partition(b" ")
        if command.startswith(b"LIST"):
            good = b'* LIST () "/" INBOX\r\n* LIST (\\Sent) "/" "Sent Items"\r\n'
        elif command.startswith(b"STATUS"):
            good = b"* " + command[:-13] + b"(UIDVALIDITY 5)\r\n"
        elif command.startswith(b"CAPABILITY"):
            good = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n"
        elif command.startswith(b"AUTHENTICATE"):
            good = b""
        else:
            return b""
        return talk.said(good + tag + b" OK done.\r\n", tag)

    return Played(talk.said(b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"), answers)


def smtp_talk(talk):
    def answers(line):
        replies = {
            b"ehlo": b"250-localhost\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 SIZE 157286400\r\n",
            b"STARTTLS": b"220 go ahead\r\n",
            b"AUTH": b"235 2.7.0 Authentication successful\r\n",
            b"MAIL": b"250 2.1.0 Sender OK\r\n",
            b"RSET": b"250 2.0.0 Resetting\r\n",
            b"QUIT": b"221 2.0.0 Bye\r\n",
        }
        return talk.said(replies.get(line.split(b" ")[0], b"250 2.0.0 OK\r\n"))

    return Played(talk.said(b"220 2.0.0 SMTP server ready\r\n"), answers)


def by_imap(settings):
    with imap_session(settings, mailbox=SALES, token=TOKEN) as session:
        folders = session.folders()
        return folders, session.uid_validities([folder.path for folder in folders[:3]])


def by_smtp(settings):
    with smtp_session(settings, username=SALES, token=TOKEN) as session:
        assert all(keyword.isupper() or not keyword.isalpha() for keyword in session.features)
        session.check_sender(SALES)
    return True


def outcome(use, settings):
    """Return the error of ours, or the result; anything else that is raised fails the test."""
    with Deadline.after(20).applied():
        try:
            return None, use(settings)
        except MailError as err:
            return err, None


def is_fit(error):
    blob = base64.b64encode(TOKEN.encode())[:12].decode()
    known = error.code in codes() and error.stage in STAGES
    return known and len(error.server_words) <= 300 and blob not in error.server_words


def is_right(result):
    if result is True:
        return True
    folders, validities = result
    return all(folder.path and folder.parts for folder in folders) and all(
        value is None or 0 <= value < 10**10 for value in validities.values()
    )


@contextmanager
def growth(megabytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < megabytes


@pytest.mark.parametrize(
    ("module", "server", "atoms", "use"),
    [(imap, imap_talk, IMAP_ATOMS, by_imap), (smtp, smtp_talk, SMTP_ATOMS, by_smtp)],
    ids=["imap", "smtp"],
)
def test_odd_answers_become_an_error_of_ours_or_a_right_result(
    monkeypatch, scripted_settings, module, server, atoms, use
):
    settings, outcomes, playing = scripted_settings(1), Counter(), []
    monkeypatch.setattr(module, "reached", lambda *_: server(playing[-1]))
    monkeypatch.setattr(module, "secure", lambda sock, *_: sock.secured())
    monkeypatch.setattr(smtp, "has_more", lambda sock: sock.more)
    with growth(megabytes=50):
        for number in range(TALKS):
            playing.append(Talk(f"{SEED} {number}", atoms))
            error, result = outcome(use, settings)
            outcomes[error.code if error else "right"] += 1
            assert is_fit(error) if error else is_right(result), f"talk {number}"
    print(f"\n{TALKS} talks, seed {SEED}:", *(f"{n} {code}" for code, n in outcomes.most_common()))
    # Not everything may come to the same: then the talks would reach one stage only.
    assert outcomes["right"] > TALKS / 50
    assert len(outcomes) >= 5


def test_the_played_server_is_a_good_one_without_odd_atoms(monkeypatch, scripted_settings):
    class Good(Talk):
        def said(self, good, tag=b""):
            return good

    for module, server, use in ((imap, imap_talk, by_imap), (smtp, smtp_talk, by_smtp)):
        monkeypatch.setattr(module, "reached", lambda *_, s=server: s(Good("", [])))
        monkeypatch.setattr(module, "secure", lambda sock, *_: sock.secured())
        monkeypatch.setattr(smtp, "has_more", lambda sock: sock.more)
        result = use(scripted_settings(1))
        assert is_right(result)
        assert result is True or set(result[1].values()) == {5}
