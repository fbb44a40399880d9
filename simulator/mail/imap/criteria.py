"""What a SEARCH looks for (RFC 3501, 6.4.4), read into functions of one message."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from ...tenant.folders import FLAGS
from .arguments import Arguments
from .errors import BadArgumentError, ReplyError
from .searchable import Searchable

Test = Callable[[Searchable], bool]
#: parentheses and NOT and OR inside each other
_DEEPEST = 50
_FLAG_KEYS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
}
_ADDRESS_KEYS = ("BCC", "CC", "FROM", "SUBJECT", "TO")
_CHARSETS = {"US-ASCII": "ascii", "UTF-8": "utf-8"}


def read_criteria(arguments: Arguments) -> Test:
    """Read the keys that follow, an optional CHARSET before them."""
    charset = "utf-8"
    if arguments.take(b"CHARSET "):
        name = arguments.astring().decode("ascii", "replace").upper()
        arguments.space()
        if name not in _CHARSETS:
            raise ReplyError("NO [BADCHARSET (US-ASCII)] The specified charset is not supported.")
        charset = _CHARSETS[name]
    test = _Reader(arguments, charset).keys(0)
    arguments.end()
    return test


@dataclass(frozen=True)
class _Reader:
    arguments: Arguments
    charset: str

    def keys(self, depth: int) -> Test:
        """Read keys with spaces between them; all have to hold."""
        tests = [self._key(depth)]
        while self.arguments.take(b" "):
            tests.append(self._key(depth))
        return tests[0] if len(tests) == 1 else lambda one: all(test(one) for test in tests)

    def _key(self, depth: int) -> Test:
        if depth > _DEEPEST:
            raise BadArgumentError
        if self.arguments.take(b"("):
            test = self.keys(depth + 1)
            self.arguments.expect(b")")
            return test
        if self.arguments.sees_set():
            numbers = self.arguments.number_set()
            return lambda one: one.is_numbered(numbers)
        name = self.arguments.word()
        if name == "NOT":
            self.arguments.space()
            refused = self._key(depth + 1)
            return lambda one: not refused(one)
        if name == "OR":
            return self._either(depth)
        return self._flag(name) or self._date(name) or self._text(name) or self._other(name)

    def _either(self, depth: int) -> Test:
        self.arguments.space()
        left = self._key(depth + 1)
        self.arguments.space()
        right = self._key(depth + 1)
        return lambda one: left(one) or right(one)

    def _flag(self, name: str) -> Test | None:
        wanted = _FLAG_KEYS.get(name.removeprefix("UN"))
        if name in ("KEYWORD", "UNKEYWORD"):
            wanted = self._keyword()
        if wanted is None:
            return None
        flag, present = wanted, not name.startswith("UN")
        return lambda one: (flag in one.message.flags) is present

    def _keyword(self) -> str:
        """Read a keyword; Exchange refuses those that it does not keep (imap_tools#181)."""
        self.arguments.space()
        asked = self.arguments.atom().decode("ascii")
        known = [flag for flag in FLAGS if flag.lower() == asked.lower()]
        if not known:
            raise BadArgumentError
        return known[0]

    def _date(self, name: str) -> Test | None:
        sent, relation = name.startswith("SENT"), name.removeprefix("SENT")
        if relation not in ("BEFORE", "ON", "SINCE"):
            return None
        wanted = self._one_date()

        def test(one: Searchable) -> bool:
            day = one.sent if sent else one.message.received.date()
            if day is None:
                return False
            if relation == "ON":
                return day == wanted
            return day < wanted if relation == "BEFORE" else day >= wanted

        return test

    def _one_date(self) -> date:
        self.arguments.space()
        text = self.arguments.astring().decode("ascii", "replace")
        try:
            return datetime.strptime(text, "%d-%b-%Y").date()  # noqa: DTZ007 - a day, no moment
        except ValueError as err:
            raise BadArgumentError from err

    def _text(self, name: str) -> Test | None:
        if name in _ADDRESS_KEYS:
            wanted = self._wanted()
            return lambda one: one.header_has(name.lower(), wanted)
        if name == "HEADER":
            self.arguments.space()
            field = self.arguments.astring().decode("ascii", "replace").lower()
            wanted = self._wanted()
            return lambda one: one.header_has(field, wanted)
        if name in ("BODY", "TEXT"):
            wanted, whole = self._wanted(), name == "TEXT"
            return lambda one: one.text_has(wanted, whole=whole)
        return None

    def _wanted(self) -> str:
        self.arguments.space()
        try:
            return self.arguments.astring().decode(self.charset).lower()
        except UnicodeDecodeError as err:
            raise BadArgumentError from err

    def _other(self, name: str) -> Test:
        simple: dict[str, Test] = {
            "ALL": lambda _: True,
            "NEW": lambda one: one.recent and "\\Seen" not in one.message.flags,
            "OLD": lambda one: not one.recent,
            "RECENT": lambda one: one.recent,
        }
        if name in simple:
            return simple[name]
        if name in ("LARGER", "SMALLER"):
            self.arguments.space()
            size = self.arguments.number()
            return lambda one: one.size > size if name == "LARGER" else one.size < size
        if name == "UID":
            self.arguments.space()
            numbers = self.arguments.number_set()
            return lambda one: one.has_uid(numbers)
        raise BadArgumentError
