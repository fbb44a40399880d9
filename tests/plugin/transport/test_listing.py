"""LIST answers: every form of a name, and none that spoils the others."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from imapclient.imap_utf7 import encode
from salesorder_m365.plugin.transport.listing import (
    MAX_FOLDERS,
    ListedFolder,
    listed_folders,
    sendable,
)
from salesorder_m365.plugin.wire.deadline import TooMuchDataError

ANSWERS = {
    "quoted": (b'(\\HasNoChildren) "/" "Sent Items"', "Sent Items", ("Sent Items",)),
    "atom": (b'() "/" INBOX', "INBOX", ("INBOX",)),
    "atom of digits": (b'() "/" 2024', "2024", ("2024",)),
    "escaped quote": (b'() "/" "a \\"b\\" \\\\c"', 'a "b" \\c', ('a "b" \\c',)),
    "literal": ((b'() "/" {9}', b'a "b/\\c&-'), 'a "b/\\c&-', ('a "b', "\\c&")),
    "delimiter NIL": (b'() NIL "a/b"', "a/b", ("a/b",)),
    "backslash as delimiter": (b'() "\\\\" "a\\\\b"', "a\\b", ("a", "b")),
    "modified UTF-7": (
        b'() "/" "Entw&APw-rfe/&U,BTFw-"',
        "Entw&APw-rfe/&U,BTFw-",
        ("Entwürfe", "台北"),
    ),
    "ampersand": (b'() "/" "R&-D"', "R&-D", ("R&D",)),
    "encoded delimiter": (b'() "/" "a&AC8-b/c"', "a&AC8-b/c", ("a/b", "c")),
    "beyond the BMP": (b'() "." "&2D3eAA-"', "&2D3eAA-", ("😀",)),
    "extended data": (b'() "/" "a" ("CHILDINFO" ("SUBSCRIBED"))', "a", ("a",)),
    "old name behind an atom": (b'() "/" new ("OLDNAME" ("old"))', "new", ("new",)),
    "old name, its label an atom": (b'() "/" new (OLDNAME ("old"))', "new", ("new",)),
    "parentheses in a quoted name": (b'() "/" "a (b)"', "a (b)", ("a (b)",)),
    "parentheses in a bare name": (b'() "/" a (b)', "a (b)", ("a (b)",)),
    "delimiter of no character": (b'() "" "a/b"', "a/b", ("a/b",)),
    "two spaces": (b'()  "/"  "a"', "a", ("a",)),
    "two spaces, an atom": (b'(\\HasNoChildren)  "/"  a', "a", ("a",)),
    "delimiter in front": (b'() "/" "/a/b"', "/a/b", ("a", "b")),
    "delimiter in front, encoded": (b'() "/" "/R&-D"', "/R&-D", ("R&D",)),
    "delimiter at the end": (b'() "/" "a/"', "a/", ("a",)),
    "nothing but the delimiter": (b'() "/" "/"', "/", ("",)),
    "empty": (b'(\\Noselect) "/" ""', "", ("",)),
}


@pytest.mark.parametrize(("answer", "path", "parts"), ANSWERS.values(), ids=ANSWERS)
def test_a_name_is_read(answer, path, parts):
    (folder,) = listed_folders([answer])
    assert (folder.path, folder.parts, folder.malformed) == (path, parts, False)


MALFORMED = {
    "lone ampersand": (b"A&B", "A&B"),
    "ampersand at the end": (b"A&", "A&"),
    "no end": (b"A&AOQ", "A&AOQ"),
    "cut short": (b"A&AO-", "A&AO-"),
    "half a surrogate pair": (b"&2D0-", "&2D0-"),
    "UTF-8": ("Entwürfe".encode(), "Entwürfe"),
    "no text": (b"\xff\xfe", "\ufffd\ufffd"),
    "control character": (b"a\r\nb", "a\r\nb"),
}


@pytest.mark.parametrize(("name", "shown"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_name_is_marked_and_spoils_no_other(name, shown):
    answers = [
        b'() "/" "before"',
        (b'() "/" {%d}' % (len(name) + 4), b"top/" + name),
        b"",
        b'() "/" "after"',
    ]
    before, bad, after = listed_folders(answers)
    assert bad.malformed
    assert bad.parts == ("top", shown)
    assert (before.path, after.path) == ("before", "after")
    assert not before.malformed
    assert not after.malformed


def test_what_follows_a_literal_belongs_to_its_line():
    answers = [(b'() "/" {1}', b"a"), b' ("CHILDINFO" ())', b'() "/" "b"', None]
    assert [folder.path for folder in listed_folders(answers)] == ["a", "b"]


@pytest.mark.parametrize("line", [b"nonsense", b'(\\Sent "/" "a"', b'() "ab" "c"', b'() "/"'])
def test_a_line_that_is_no_answer_is_left_out(line, caplog):
    assert [f.path for f in listed_folders([line, b'() "/" "b"'])] == ["b"]
    assert "malformed LIST lines" in caplog.text


def test_lines_that_are_no_answers_are_told_once(caplog):
    assert listed_folders([b"nonsense"] * 100) == ()
    assert [record.args[0] for record in caplog.records] == [100]


@pytest.mark.parametrize("form", [b"%s", b'"%s"'], ids=["atom", "quoted"])
@pytest.mark.parametrize("name", [b"a" * 10_000, b"a/" * 5_000, b"&AOQ-" * 2_000, b"\\x" * 10_000])
def test_a_name_too_long_to_be_said_is_shown_cut_and_cannot_be_chosen(form, name):
    (folder,) = listed_folders([b'() "/" ' + form % name])
    assert len(folder.path) < 9_000
    assert len(folder.parts) == 1
    assert folder.malformed
    assert not folder.selectable


def test_beyond_three_hundred_levels_a_path_is_parted_no_further():
    (folder,) = listed_folders([b'() "/" "' + b"/".join([b"a"] * 1_000) + b'"'])
    assert len(folder.parts) == 301
    assert folder.selectable


def test_a_tree_deeper_than_honest_ones_is_too_much():
    answers = (b'() "/" "%d' % number + b"/a" * 250 + b'"' for number in range(MAX_FOLDERS))
    with pytest.raises(TooMuchDataError):
        listed_folders(answers)


def test_of_endless_attributes_the_first_are_read():
    words = b" ".join(b"w%d" % number for number in range(1_000))
    (folder,) = listed_folders([b'(\\Noselect %s) "/" "a"' % words])
    assert len(folder.attributes) == 16
    assert not folder.selectable


def test_attributes_are_in_lower_case():
    (folder,) = listed_folders([b'(\\HasChildren \\Sent $Flag) "/" "a"'])
    assert folder.attributes == {"\\haschildren", "\\sent", "$flag"}


@pytest.mark.parametrize("flags", [b"\\Sent\\HasNoChildren", b"\\HasNoChildren  \\Sent", b"\\SENT"])
def test_attributes_are_parted_however_they_are_written(flags):
    (folder,) = listed_folders([b'(%s) "/" "a"' % flags])
    assert "\\sent" in folder.attributes
    assert len(folder.attributes) == flags.count(b"\\")


def test_a_path_that_comes_twice_is_one_folder():
    assert len(listed_folders([b'() "/" "a"', b'(\\Sent) "/" a'])) == 1


def test_a_list_without_end_is_cut_and_the_cut_can_be_told():
    answers = (b'() "/" "%d"' % number for number in range(10 * MAX_FOLDERS))
    assert len(listed_folders(answers)) == MAX_FOLDERS + 1


@pytest.mark.parametrize(
    ("path", "attributes", "selectable"),
    [
        ("a", set(), True),
        ("a", {"\\noselect"}, False),
        ("a", {"\\nonexistent"}, False),
        ("a\r\nb", set(), False),
        ("a\ufffd", set(), False),
        ("\ud800", set(), False),
        ("", set(), False),
        ("ä", set(), True),
    ],
)
def test_a_folder_is_selectable_if_it_holds_mail_and_can_be_named(path, attributes, selectable):
    assert ListedFolder(path, (path,), "/", frozenset(attributes)).selectable is selectable


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_names_survive_the_way_over_the_wire(names):
    wire = b"/".join(encode(name.replace("/", "")) for name in names)
    (folder,) = listed_folders([(b'() "/" {%d}' % len(wire), wire)])
    # An empty name at an end is that of a delimiter in front or behind.
    assert [name.replace("/", "") for name in names] in [
        [*[""] * before, *folder.parts, *[""] * behind]
        for before in range(len(names))
        for behind in range(len(names))
    ]
    assert folder.path.encode() == wire
    assert not folder.malformed


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1)


def quoted(name):
    return b'"' + name.replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'


@given(
    parts=st.lists(NAMES, min_size=1, max_size=4),
    form=st.sampled_from(["quoted", "literal", "atom"]),
    flags=st.sampled_from([b"", b"\\Sent", b"\\Sent\\HasNoChildren", b" \\Sent "]),
    spaces=st.sampled_from([b" ", b"  "]),
    extended=st.sampled_from([b"", b' ("CHILDINFO" ("SUBSCRIBED"))', b' ("OLDNAME" ("a b"))']),
)
def test_a_name_survives_every_way_to_write_it(parts, form, flags, spaces, extended):
    wire = b"/".join(map(encode, parts))
    head = b"(" + flags + b")" + spaces + b'"/"' + spaces
    if form == "literal":
        answers = [(head + b"{%d}" % len(wire), wire), extended]
    elif form == "quoted":
        answers = [head + quoted(wire) + extended]
    else:  # RFC 3501 allows a list-mailbox no space, quote, parenthesis or backslash
        assume(not set(wire) & set(b' "(){}\\'))
        answers = [head + wire + extended]
    (folder,) = listed_folders(answers)
    assert folder.path.encode() == wire
    assert folder.parts == tuple(parts)
    assert ("\\sent" in folder.attributes) is bool(flags)


@given(st.lists(st.one_of(st.none(), st.binary(), st.tuples(st.binary(), st.binary()))))
def test_no_answer_is_fatal(answers):
    for folder in listed_folders(answers):
        folder.path.encode()
        assert folder.parts


@given(st.binary())
def test_no_name_is_fatal_and_none_is_lost(name):
    (folder,) = listed_folders([(b'() "/" {1}', name)])
    assert sendable(folder.path) is False or folder.path.encode() == name
