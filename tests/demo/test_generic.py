"""The pages for Generic accounts, over the plugin itself; nobody signs in to Microsoft here."""

import csv
import sqlite3
from contextlib import closing

import pytest
from salesorder_m365.demo.erp.generics import SEEDS, Seed
from salesorder_m365.demo.pages.menus import ACCOUNTS, GENERIC, account_path
from salesorder_m365.hooks import implementations
from salesorder_m365.plugin.store.engines import dispose_engines

SALES, PURCHASING = {"pick generic:1": "on"}, {"pick generic:2": "on"}


@pytest.fixture
def mail():
    """The plugin that the host loads: here the one that is installed."""
    yield implementations
    dispose_engines()


@pytest.fixture
def generics(erp):
    """The host's Generic accounts, as the demo begins with them."""
    erp.host.generics.add()
    return erp.host.generics


@pytest.fixture
def press(admin, generics):
    """Return a function that posts to a page of the Generic accounts and follows."""

    def press(page, *picked, **values):
        data = {name: value for pick in picked for name, value in pick.items()} | values
        posted = admin.post_form(ACCOUNTS + "/new/m365", f"{GENERIC}/{page}", data)
        if posted.status_code != 303:
            return posted
        assert posted.headers["location"] == GENERIC
        return admin.get(GENERIC)

    return press


def dump(generics):
    with closing(sqlite3.connect(generics._database.path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"))
            for table in ("host_generic_account", "host_mail_use")
        }


def test_mail_accounts_leads_to_them(admin, generics, text_of):
    page = admin.get(ACCOUNTS)
    assert "6 accounts sign in with a password" in text_of(page)
    assert page.text.count(f'href="{GENERIC}"') == 2


def test_without_any_the_list_says_nothing_of_them(admin, text_of):
    assert "password" not in text_of(admin.get(ACCOUNTS))
    assert "No Generic Mail Accounts" in text_of(admin.get(GENERIC))


def test_the_page_lists_who_uses_what_and_what_stands_in_the_way(admin, generics, text_of):
    text = text_of(admin.get(GENERIC))
    assert "Sales desk sales@contoso.test Order confirmations, Quotations Sales desk" in text
    assert "Information info@contoso.test Web enquiries Information Signs in as sales@" in text
    assert "It has no Sender email. Enter the address" in text
    assert "Nobody has told which domains are yours" in text


def test_what_somebody_typed_is_escaped(admin, generics):
    name = '<script>alert("1")</script>'
    generics.add([Seed(id='"><b>', name=name, address="x@contoso.test", used_by=("<i>",))])
    for page in (GENERIC, GENERIC + "/print"):
        text = admin.get(page).text
        assert "<script>alert" not in text
        assert "<i>" not in text
        assert "&lt;script&gt;" in text


def test_the_list_on_paper(admin, generics, text_of):
    page = admin.get(GENERIC + "/print")
    for seed in SEEDS:
        assert seed.name in text_of(page)
    assert "No password is in this list." in text_of(page)


def test_the_list_as_csv_has_no_formula_and_no_password(admin, generics):
    generics.add([Seed(id="x", name='=cmd|" /C calc"!A0', address="x@contoso.test", used_by=())])
    answer = admin.get(GENERIC + "/list.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment; filename=" in answer.headers["content-disposition"]
    header, *rows = csv.reader(answer.content.decode("utf-8-sig").splitlines())
    assert header[:2] == ["Generic account", "Sender email"]
    assert len(rows) == 7
    assert rows[0][0] == '\'=cmd|" /C calc"!A0'
    passwords = [row[5] for row in dump(generics)["host_generic_account"]]
    assert [word for word in passwords if word in answer.text] == []


def test_new_accounts_first_and_nothing_is_deleted(press, generics, text_of):
    before = dump(generics)
    text = text_of(press("make", SALES, PURCHASING))
    assert "2 waiting: sign in to the new account and test it." in text
    assert "On the way" in text
    assert "Sales desk Not signed in Nothing yet: sign in to the new account first." in text
    assert dump(generics) == before


def test_each_row_says_what_the_press_does(admin, press, generics, text_of):
    text = text_of(admin.get(GENERIC))
    assert text.count("Makes the new account. Deletes nothing.") == 5
    press("make", SALES)
    assert "Nothing yet: sign in to the new account first." in text_of(admin.get(GENERIC))


def test_an_account_that_is_there_already_is_asked_about_first(admin, press, generics, text_of):
    form = dict.fromkeys(("account_name", "sender_name", "username"), "sales@contoso.test")
    form |= {"sender_email": "sales@contoso.test", "use_oauth": "on"}
    admin.post_form(ACCOUNTS + "/new/m365", ACCOUNTS + "/new/m365", form)
    assert "deletes this one: you are asked first." in text_of(admin.get(GENERIC))
    before = dump(generics)
    asked = text_of(press("make", SALES, PURCHASING))
    assert "This may delete Generic accounts at once" in asked
    assert "“sales@contoso.test”, which is there. If that passes" in asked
    assert dump(generics) == before
    # Nothing was begun either: the account without one in its place is as it was.
    assert "On the way" not in text_of(admin.get(GENERIC))


NEWSLETTER, ALARMS = f"{GENERIC}/generic%3A5", f"{GENERIC}/generic%3A6"


def test_one_that_cannot_be_replaced_has_edit_and_delete(admin, generics, text_of):
    page = admin.get(GENERIC)
    assert f'href="{NEWSLETTER}/edit"' in page.text
    assert f'href="{NEWSLETTER}/delete"' in page.text
    assert f'href="{ALARMS}/edit"' not in page.text
    form = {"name": "Alarms", "sender_name": "A", "address": "alarms@contoso.test", "username": ""}
    saved = admin.post_form(f"{ALARMS}/edit", f"{ALARMS}/edit", form)
    assert (saved.status_code, saved.headers["location"]) == (303, GENERIC)
    changed = next(each for each in generics.list() if each.id == "generic:6")
    assert (changed.name, changed.address) == ("Alarms", "alarms@contoso.test")
    asked = text_of(admin.get(f"{ALARMS}/delete"))
    assert "Delete “Alarms”? Nothing takes its place." in asked
    assert generics.count() == 6
    for status in (303, 404):
        gone = admin.post_form(ACCOUNTS + "/new/m365", f"{ALARMS}/delete")
        assert gone.status_code == status
    assert generics.count() == 5
    assert generics.uses("generic:6") == ()


@pytest.mark.parametrize(
    ("form", "said"), [({"name": " "}, "Enter a name."), ({"name": "n" * 201}, "This is too long.")]
)
def test_a_form_of_the_hosts_own_that_is_wrong_comes_back(admin, generics, text_of, form, said):
    before = dump(generics)
    page = admin.post_form(f"{ALARMS}/edit", f"{ALARMS}/edit", form)
    assert page.status_code == 422
    assert said in text_of(page)
    assert "<title>Error: Edit Night alarms" in page.text
    assert dump(generics) == before


@pytest.mark.parametrize("what", ["edit", "delete"])
def test_edit_and_delete_want_the_permission(anybody, generics, what):
    anybody.log_in("sales")
    assert anybody.get(f"{ALARMS}/{what}").status_code == 403
    assert anybody.post_form("/", f"{ALARMS}/{what}").status_code == 403
    assert generics.count() == 6


def test_deleting_without_a_test_asks_first(press, admin, generics, text_of):
    press("make", SALES)
    asked = press("ask-delete", SALES)
    assert "Delete “Sales desk” without a test?" in text_of(asked)
    assert "Order confirmations, Quotations" in text_of(asked)
    assert generics.count() == 6
    done = text_of(press("delete", SALES))
    assert "1 replaced" in done
    assert generics.count() == 5


def test_what_used_the_old_one_uses_the_new_one_and_back(press, erp, generics, text_of):
    before = dump(generics)
    press("delete", SALES)
    ((account_id,),) = sqlite3_rows(generics, "SELECT DISTINCT account FROM host_mail_use", "m365:")
    assert generics.uses(account_id) == ("Order confirmations", "Quotations")
    asked = text_of(press("ask-restore", SALES))
    assert "Put “Sales desk” back?" in asked
    assert "1 put back as before." in text_of(press("restore", SALES, new="delete"))
    assert dump(generics) == before


def sqlite3_rows(generics, query, prefix):
    with closing(sqlite3.connect(generics._database.path)) as connection:
        return [row for row in connection.execute(query) if row[0].startswith(prefix)]


@pytest.mark.parametrize(("new", "left"), [("keep", 200), ("delete", 404)])
def test_putting_back_keeps_or_deletes_the_new_account(press, admin, generics, new, left):
    press("delete", SALES)
    ((account_id,),) = sqlite3_rows(generics, "SELECT DISTINCT account FROM host_mail_use", "m365:")
    press("restore", SALES, new=new)
    assert admin.get(account_path(account_id)).status_code == left
    assert generics.count() == 6


def test_the_new_accounts_page_tells_what_happened(press, admin, generics, text_of):
    press("delete", SALES)
    ((account_id,),) = sqlite3_rows(generics, "SELECT DISTINCT account FROM host_mail_use", "m365:")
    text = text_of(admin.get(account_path(account_id)))
    assert "Generic account replaced" in text
    assert "Takes the place of a Generic account" in text


@pytest.mark.parametrize(
    "page", ["make", "replace", "ask-delete", "delete", "ask-restore", "restore"]
)
def test_nothing_chosen_is_said_and_nothing_done(press, generics, text_of, page):
    before = dump(generics)
    assert "Nothing was chosen." in text_of(press(page))
    assert dump(generics) == before


def test_what_was_not_done_is_named_with_its_remedy(press, generics, text_of):
    text = text_of(press("delete", {"pick generic:5": "on"}, SALES))
    assert "Not done for this account: Newsletter 2019: It has no Sender email." in text
    assert "1 replaced" in text


def test_a_worker_without_the_permission_is_refused(erp, anybody, generics):
    anybody.log_in("sales")
    for page in ("", "/print", "/list.csv"):
        assert anybody.get(GENERIC + page).status_code == 403
    posted = anybody.post_form("/", GENERIC + "/delete", SALES)
    assert posted.status_code == 403
    assert generics.count() == 6


def test_a_post_without_the_token_does_nothing(admin, generics):
    posted = admin.post(GENERIC + "/delete", data=SALES, allow_redirects=False)
    assert posted.status_code == 403
    assert generics.count() == 6


def test_a_changed_account_is_not_deleted_for_its_old_copy(generics):
    settings = generics.export("generic:1")
    with generics._database.transaction() as connection:
        connection.execute("UPDATE host_generic_account SET password = 'x' WHERE id = 'generic:1'")
    assert not generics.delete("generic:1", settings, "m365:1")
    assert generics.delete("generic:1", generics.export("generic:1"), "m365:1")
    assert generics.delete("generic:1", settings, "m365:1"), "it is gone already"


def test_putting_back_twice_is_putting_back_once(generics):
    settings, before = generics.export("generic:1"), dump(generics)
    generics.delete("generic:1", settings, "m365:1")
    for _ in range(2):
        generics.put_back("generic:1", settings)
        assert dump(generics) == before
