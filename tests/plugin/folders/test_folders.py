"""Folders: suggestions, dropdowns, what became of a stored mapping, and a new one."""

import tomllib
import unicodedata
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.imap_utf7 import encode
from marshmallow import ValidationError
from salesorder_m365.plugin.folders.choices import (
    MOST_ASKED,
    folder_choices,
    map_folders,
    paths_to_ask,
    suggest,
)
from salesorder_m365.plugin.folders.roles import _squeezed, is_inbox
from salesorder_m365.plugin.transport.imap import imap_session
from salesorder_m365.plugin.transport.listing import MAX_FOLDERS, ListedFolder
from salesorder_m365.schemas.folders import MappedFolder, Role
from salesorder_m365.schemas.plain import to_plain
from salesorder_m365.schemas.text_forms import LONGEST_NORMALISED

NAMES = tomllib.loads(
    files("salesorder_m365.plugin.folders")
    .joinpath("folder_names.toml")
    .read_text(encoding="utf-8")
)
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def folder(path, *attributes, delimiter="/", malformed=False):
    parts = tuple(path.split(delimiter)) if delimiter else (path,)
    wire = encode(path).decode()
    return ListedFolder(wire, parts, delimiter, frozenset(attributes), malformed)


def listed(*paths):
    return [folder(path) for path in paths]


def mapped(role, path, uid_validity=1, full_label=None):
    return MappedFolder(
        role=role,
        path=path,
        full_label=full_label or path,
        uid_validity=uid_validity,
        chosen_by="worker",
        chosen_at=NOW,
    )


def suggested(folders):
    return {role: (found.path, reason) for role, (found, reason) in suggest(folders).items()}


class TestNames:
    def test_the_languages_are_there(self):
        european = {"en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs"}
        assert european | {"pt-BR", "tr", "ja", "zh-CN", "zh-TW"} <= set(NAMES)

    @pytest.mark.parametrize("language", NAMES)
    def test_every_language_names_every_role_but_the_inbox(self, language):
        assert {Role(role) for role in NAMES[language]} == set(Role) - {Role.INBOX}
        assert all(_squeezed(name) for names in NAMES[language].values() for name in names)

    def test_no_name_stands_for_two_roles(self):
        roles = {}
        for language in NAMES.values():
            for role, names in language.items():
                for name in names:
                    roles.setdefault(_squeezed(name), set()).add(role)
        assert {name: found for name, found in roles.items() if len(found) > 1} == {}

    @pytest.mark.parametrize("language", NAMES)
    @pytest.mark.parametrize("place", ["{}", "INBOX/{}", "Mail/{}"])
    def test_each_name_is_found(self, language, place):
        for role, names in NAMES[language].items():
            for name in names:
                path = place.format(name)
                folders = [folder("INBOX"), folder("Mail", "\\noselect"), folder(path)]
                if place == "{}":
                    folders.append(folder("Calendar"))
                assert suggested(folders)[Role(role)] == (encode(path).decode(), "name")


class TestSuggest:
    def test_the_attribute_goes_before_the_name(self):
        folders = [folder("Sent Items"), folder("Post", "\\sent"), folder("inbox")]
        assert suggested(folders) == {
            Role.INBOX: ("inbox", "name"),
            Role.SENT: ("Post", "attribute"),
        }

    def test_nothing_is_guessed(self):
        assert suggested(listed("Customers", "Sent Items 2019", "Projects/Drafts", "x/y")) == {}

    def test_the_current_name_goes_before_the_older_one(self):
        assert suggested(listed("Sent", "Sent Items"))[Role.SENT] == ("Sent Items", "name")

    def test_the_language_that_the_mailbox_speaks_goes_first(self):
        folders = listed("Drafts", "Entwürfe", "Gesendete Elemente", "Gelöschte Elemente", "Sent")
        found = suggested(folders)
        assert found[Role.DRAFTS] == ("Entw&APw-rfe", "name")
        assert found[Role.SENT] == ("Gesendete Elemente", "name")

    def test_a_folder_at_the_top_goes_before_one_below_inbox(self):
        assert suggested(listed("INBOX/Drafts", "Drafts"))[Role.DRAFTS] == ("Drafts", "name")

    def test_a_folder_that_holds_no_mail_is_not_suggested(self):
        assert (
            suggested([folder("Drafts", "\\noselect"), folder("x", "\\sent", "\\noselect")]) == {}
        )

    def test_no_folder_gets_two_roles(self):
        found = suggested([folder("x", "\\trash", "\\junk"), folder("Deleted Items")])
        assert found[Role.JUNK] == ("x", "attribute")
        assert found[Role.TRASH] == ("Deleted Items", "name")

    @pytest.mark.parametrize("name", ["SENT ITEMS", "sent items", "Sent-Items", "\uff33ent Items"])
    def test_case_and_punctuation_do_not_matter(self, name):
        assert suggested([folder(name)])[Role.SENT][1] == "name"


class TestTree:
    def test_parents_come_before_their_children_and_inbox_first(self):
        folders = listed("b", "a/z", "a", "a/B", "Ä", "INBOX/x", "INBOX", "a!", "C")
        choices = folder_choices("m365:1", folders, (), {}).folders
        assert [(c.full_label, c.depth) for c in choices] == [
            ("INBOX", 0),
            ("INBOX / x", 1),
            ("a", 0),
            ("a / B", 1),
            ("a / z", 1),
            ("a!", 0),
            ("Ä", 0),
            ("b", 0),
            ("C", 0),
        ]

    def test_a_folder_without_its_parent_says_both_names(self):
        choices = folder_choices("m365:1", listed("a", "a/b/c"), (), {}).folders
        assert [(c.label, c.depth) for c in choices] == [("a", 0), ("b / c", 1)]

    def test_what_holds_no_mail_is_shown_but_not_selectable(self):
        (choice,) = folder_choices("m365:1", [folder("a", "\\noselect")], (), {}).folders
        assert not choice.selectable

    def test_a_malformed_name_is_shown_readable(self):
        bad = ListedFolder("A&B\x1b[31m", ("A&B\x1b[31m\u202e",), "/", frozenset(), malformed=True)
        (choice,) = folder_choices("m365:1", [bad], (), {}).folders
        assert (choice.label, choice.malformed, choice.selectable) == ("A&B[31m", True, False)

    def test_a_very_long_name_is_cut_and_its_path_is_not(self):
        (choice,) = folder_choices("m365:1", [folder("x" * 5000)], (), {}).folders
        assert len(choice.label) < 200
        assert len(choice.path) == 5000

    def test_a_list_that_is_too_long_is_cut_and_says_so(self):
        folders = listed(*map(str, range(MAX_FOLDERS + 1)))
        choices = folder_choices("m365:1", folders, [mapped(Role.SENT, "gone")], {})
        assert len(choices.folders) == MAX_FOLDERS
        assert "20,000" in choices.hint
        assert all(role.problem == "" for role in choices.roles)
        assert folder_choices("m365:1", folders[:-1], (), {}).hint == ""


def choice(role, folders, stored, uid_validities):
    roles = folder_choices("m365:1", folders, stored, uid_validities).roles
    return next(found for found in roles if found.role is role)


class TestStoredMapping:
    def test_all_is_well(self):
        found = choice(Role.SENT, listed("a"), [mapped(Role.SENT, "a", 7)], {"a": 7})
        assert (found.mapped, found.problem, found.problem_text) == ("a", "", "")

    def test_the_case_of_inbox_does_not_matter(self):
        stored = [mapped(Role.INBOX, "inbox", 7)]
        assert choice(Role.INBOX, listed("INBOX"), stored, {"INBOX": 7}).problem == ""
        assert choice(Role.INBOX, listed("INBOX"), stored, {"INBOX": 8}).problem == "replaced"

    @pytest.mark.parametrize("validities", [{}, {"a": None}])
    def test_a_folder_that_has_gone(self, validities):
        stored = [mapped(Role.SENT, "a", 7)]
        found = choice(Role.SENT, listed("a") if validities else listed("b"), stored, validities)
        assert found.problem == "vanished"
        assert "“a”" in found.problem_text
        assert "Choose another folder" in found.problem_text

    def test_a_folder_made_anew(self):
        found = choice(Role.SENT, listed("a"), [mapped(Role.SENT, "a", 7)], {"a": 8})
        assert found.problem == "replaced"
        assert "save to confirm" in found.problem_text

    def test_a_renamed_folder_is_offered(self):
        found = choice(Role.SENT, listed("b", "c"), [mapped(Role.SENT, "a", 7)], {"b": 7, "c": 8})
        assert (found.problem, found.suggested) == ("renamed", "b")
        assert "“b”" in found.problem_text

    @pytest.mark.parametrize(
        ("stored", "validities"),
        [
            ([mapped(Role.SENT, "a", 7)], {"b": 7, "c": 7}),
            ([mapped(Role.SENT, "a", 7), mapped(Role.DRAFTS, "b", 7)], {"b": 7}),
            ([mapped(Role.SENT, "a", 7)], {"gone": 7}),
            ([mapped(Role.SENT, "a", 7)], {"plain": 7}),
        ],
        ids=["two candidates", "mapped already", "not listed", "not selectable"],
    )
    def test_a_doubtful_candidate_is_not_offered(self, stored, validities):
        folders = [*listed("b", "c"), folder("plain", "\\noselect")]
        assert choice(Role.SENT, folders, stored, validities).problem == "vanished"

    def test_what_was_not_asked_for_raises_no_suspicion(self):
        assert choice(Role.SENT, listed("a"), [mapped(Role.SENT, "a", 7)], {}).problem == ""


class TestPathsToAsk:
    def test_only_the_mapped_ones_while_all_are_there(self):
        stored = [mapped(Role.SENT, "a"), mapped(Role.INBOX, "inbox")]
        assert paths_to_ask(listed("INBOX", "a", "b"), stored) == ["a", "INBOX"]

    def test_a_vanished_one_brings_its_likely_successors(self):
        folders = listed("x", "old", "p/q/Sent", "p/other", "deep/down", "INBOX")
        stored = [mapped(Role.SENT, "p/Sent"), mapped(Role.INBOX, "INBOX")]
        assert paths_to_ask(folders, stored) == ["INBOX", "p/q/Sent", "p/other"]

    def test_they_are_bounded(self):
        folders = listed("INBOX", *map(str, range(1000)))
        asked = paths_to_ask(folders, [mapped(Role.SENT, "gone"), mapped(Role.INBOX, "INBOX")])
        assert len(asked) == MOST_ASKED
        assert asked[0] == "INBOX"

    def test_what_cannot_be_selected_is_not_asked_for(self):
        folders = [folder("a", "\\noselect"), folder("b")]
        assert paths_to_ask(folders, [mapped(Role.SENT, "gone")]) == ["b"]


class TestMapFolders:
    def map(self, mapping, folders, validities):
        return map_folders(mapping, folders, validities, chosen_by="worker", chosen_at=NOW)

    def test_a_mapping_is_made(self):
        folders = listed("INBOX", "Kunden/Süd")
        path = folders[1].path
        made = self.map({Role.INBOX: "inbox", Role.SENT: path}, folders, {"inbox": 3, path: 4})
        assert made == (
            mapped(Role.INBOX, "INBOX", 3),
            mapped(Role.SENT, path, 4, full_label="Kunden / Süd"),
        )

    @pytest.mark.parametrize(
        ("mapping", "validities", "roles", "words"),
        [
            ({Role.SENT: "gone"}, {}, ["sent"], "not in the mailbox"),
            ({Role.SENT: "plain"}, {"plain": 1}, ["sent"], "only holds other folders"),
            ({Role.SENT: "a", Role.TRASH: "a"}, {"a": 1}, ["sent", "trash"], "too"),
            ({Role.SENT: "a", Role.TRASH: "b"}, {"a": None, "b": 1}, ["sent"], "meantime"),
            ({Role.SENT: "gone", Role.TRASH: "x"}, {}, ["sent", "trash"], "not in the mailbox"),
        ],
        ids=["unknown", "not selectable", "twice", "gone now", "two wrong"],
    )
    def test_what_does_not_fit_is_told_per_role(self, mapping, validities, roles, words):
        folders = [*listed("a", "b"), folder("plain", "\\noselect")]
        with pytest.raises(ValidationError) as caught:
            self.map(mapping, folders, validities)
        assert sorted(caught.value.messages) == roles
        assert all(words in text for texts in caught.value.messages.values() for text in texts)

    def test_nothing_chosen_is_no_error(self):
        assert self.map({}, listed("a"), {}) == ()


ANY_NAME = st.one_of(
    st.text(),
    st.sampled_from(["INBOX", "inbox", "", "/", "a/b", "a", "A", "Drafts", "<script>", "a\r\nb"]),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl"])),
    st.integers(1, 5000).map("x/".__mul__),
)
ANY_FOLDER = st.builds(
    lambda name, delimiter, attributes, malformed: ListedFolder(
        name,
        tuple(name.split(delimiter)) if delimiter else (name,),
        delimiter,
        frozenset(attributes),
        malformed,
    ),
    ANY_NAME,
    st.sampled_from(["/", ".", None]),
    st.sets(st.sampled_from(["\\noselect", "\\sent", "\\trash", "\\haschildren", "x"])),
    st.booleans(),
)


class TestAnyList:
    @given(
        st.lists(ANY_FOLDER, max_size=30),
        st.lists(st.builds(mapped, st.sampled_from(Role), ANY_NAME), max_size=6),
        st.dictionaries(ANY_NAME, st.one_of(st.none(), st.integers(0, 2)), max_size=9),
    )
    def test_choices_never_raise_and_lose_no_folder(self, folders, stored, validities):
        assert len(paths_to_ask(folders, stored)) <= MOST_ASKED
        found = folder_choices("m365:1", folders, stored, validities)
        to_plain(found)
        paths = [
            [f.path for f in some if not is_inbox(f.path)] for some in (folders, found.folders)
        ]
        assert set(paths[0]) == set(paths[1])
        assert len(paths[1]) == len(set(paths[1]))
        assert len(found.roles) == len(Role)
        for line in found.folders:
            assert line.label
            assert line.full_label.isprintable()

    @given(st.lists(ANY_FOLDER, max_size=30))
    def test_the_tree_is_one(self, folders):
        lines = folder_choices("m365:1", folders, (), {}).folders
        assert not lines or lines[0].depth == 0
        assert all(after.depth <= before.depth + 1 for before, after in pairwise(lines))

    @given(st.lists(ANY_FOLDER, max_size=20, unique_by=lambda f: f.path.upper()), st.randoms())
    def test_the_order_is_that_of_the_names_not_of_the_server(self, folders, random):
        shuffled = random.sample(folders, len(folders))
        one, other = (folder_choices("m365:1", f, (), {}).folders for f in (folders, shuffled))
        assert one == other


class TestStandIn:
    @pytest.fixture
    def look(self, sim, settings_for):
        """Return a function that does what a caller does: LIST, STATUS, choices."""

        def ask(mailbox, stored=()):
            token = sim.new_token(mailbox)
            with imap_session(settings_for(sim), mailbox=mailbox, token=token) as session:
                folders = session.folders()
                validities = session.uid_validities(paths_to_ask(folders, stored))
            return folder_choices("m365:1", folders, stored, validities)

        return ask

    @pytest.fixture
    def store(self, sim, settings_for):
        """Return a function that maps one folder."""

        def choose(mailbox, role, path):
            token = sim.new_token(mailbox)
            with imap_session(settings_for(sim), mailbox=mailbox, token=token) as session:
                return map_folders(
                    {role: path},
                    session.folders(),
                    session.uid_validities([path]),
                    chosen_by="worker",
                    chosen_at=NOW,
                )

        return choose

    @pytest.mark.parametrize(
        ("mailbox", "reason"),
        [("sales@contoso.test", "attribute"), ("invoices@contoso.test", "name")],
    )
    def test_every_role_is_suggested(self, look, mailbox, reason):
        roles = {choice.role: choice for choice in look(mailbox).roles}
        assert all(choice.suggested for choice in roles.values())
        assert roles[Role.SENT].reason == reason
        assert roles[Role.ARCHIVE].reason == "name"

    def test_three_hundred_folders_stand_in_their_tree(self, look):
        folders = look("archive@contoso.test").folders
        assert len(folders) == 300
        assert max(choice.depth for choice in folders) == 2

    def test_what_becomes_of_a_mapped_folder_is_noticed(self, look, store, sim):
        mailbox = "sales@contoso.test"
        sim.tenant.create_folder(mailbox, "Outgoing")
        stored = store(mailbox, Role.SENT, "Outgoing")

        def sent():
            return next(c for c in look(mailbox, stored).roles if c.role is Role.SENT)

        assert sent().problem == ""
        sim.tenant.rename_folder(mailbox, "Outgoing", "Gone out")
        assert (sent().problem, sent().suggested) == ("renamed", "Gone out")
        sim.tenant.delete_folder(mailbox, "Gone out")
        assert (sent().problem, sent().suggested) == ("vanished", "Sent Items")
        sim.tenant.create_folder(mailbox, "Outgoing")
        assert sent().problem == "replaced"


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0f73", "\u0344"])
def test_names_of_thousands_of_marks_are_hardly_normalised(mocker, marks):
    """950 such names took 16 seconds, under a deadline of 4."""
    given = mocker.spy(unicodedata, "normalize")
    names = [f"{number}{marks * 1900}"[:3900] for number in range(950)]
    listed = [ListedFolder(name, (name,), "/", frozenset()) for name in names]
    choices = folder_choices("m365:1", listed, [], {})
    assert len(choices.folders) == 950
    longest = max((len(call.args[1]) for call in given.call_args_list), default=0)
    assert longest <= LONGEST_NORMALISED
    assert sum(len(call.args[1]) for call in given.call_args_list) < 950 * 400
