"""Two versions at once on one database: the one before, running already, and this one, upgrading.

The one before is the newest commit with another schema.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store.engines import engine_for, reading, writing
from salesorder_m365.plugin.store.grants import GrantKind, read_token
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.store.upgrade import CURRENT, current_revision
from salesorder_m365.plugin.use_cases import UseCases
from sqlalchemy import select
from upgrades.make import BROWSER, WORKER, Office, settings_for
from upgrades.other_version import Process, RefusedError, commit_before, unpack

SALES = "sales@contoso.test"
BUYER = "purchasing@contoso.test"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    commit = commit_before()
    if commit is None:
        pytest.skip("git knows no commit with another schema")
    return unpack(commit, tmp_path_factory.mktemp("before"))


@dataclass
class Pair:
    """Both versions: `old` in a process of its own, `new` here."""

    old: Process
    new: Office
    source: Any
    #: An account that the old version made before the upgrade.
    account_id: str

    def hook(self, name, account_id, **arguments):
        """Call a hook of the new version."""
        call = getattr(self.new.hook, f"salesorder_{name}")
        return call(host=self.new.host, account_id=account_id, worker=WORKER, **arguments)

    def begin_in_old(self, account_id):
        """Begin a sign-in in the old version; return where it leads."""
        redirect = self.old.call(
            "login_begin",
            account_id=account_id,
            worker=WORKER,
            browser=BROWSER,
            return_to="/mail/1",
        )
        return redirect["url"]


def form(name, address):
    return {
        "account_name": name,
        "sender_name": name,
        "sender_email": address,
        "use_oauth": True,
        "username": "",
    }


def saved_by(old, name, address):
    view = old.call(
        "account_save",
        kind="m365",
        account_id=None,
        values=form(name, address),
        worker=WORKER,
        request_id=f"form of {name}",
    )
    return view["id"]


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)],
)
def pair(request, sim, source, tmp_path, new_database, dispose):
    url = new_database() if request.param == "postgresql" else f"sqlite:///{tmp_path}/m365.db"
    with Process(source, settings_for(sim, url)) as old:
        assert old.revision < CURRENT
        pair = Pair(old, Office(sim, url), source, saved_by(old, "Sales", SALES))
        query = sim.sign_in(pair.begin_in_old(pair.account_id), SALES)
        assert old.call("login_callback", query=query, worker=WORKER, browser=BROWSER)
        # From here on the database is this version's, and the old one does not know.
        with reading(engine_for("contoso", url)) as connection:
            assert current_revision(connection) == CURRENT
        yield pair


def expire_tokens(url):
    with writing(engine_for("contoso", url)) as connection:
        connection.execute(grant.update().values(expires_at=1))


def test_the_old_version_works_on(pair):
    account_id = saved_by(pair.old, "Purchasing", BUYER)
    query = pair.new.sim.sign_in(pair.begin_in_old(account_id), BUYER)
    outcome = pair.old.call("login_callback", query=query, worker=WORKER, browser=BROWSER)
    assert outcome["code"] == "connected"
    who = {"account_id": account_id, "worker": WORKER}
    assert pair.old.call("test_connection", **who, progress=None)["passed"]
    pair.old.call("folder_map", **who, mapping={"sent": "Sent Items"})

    view = pair.hook("account_view", account_id)
    assert (view.state, view.report.passed) == ("connected", True)
    assert [folder.path for folder in view.folders] == ["Sent Items"]
    assert pair.old.call("disconnect", **who)["state"] == "draft"
    assert pair.hook("account_view", account_id).state == "draft"


def test_each_sees_and_deletes_what_the_other_made(pair):
    ours = pair.new.connected("Purchasing", BUYER)
    pair.hook("folder_map", ours, mapping={"sent": "Sent Items"})
    view = pair.old.call("account_view", account_id=ours, worker=WORKER)
    assert (view["state"], view["folders"][0]["path"]) == ("connected", "Sent Items")
    assert pair.old.call("account_delete", account_id=ours, worker=WORKER)
    assert pair.hook("account_delete", pair.account_id)
    (left,) = pair.old.call("account_list", worker=WORKER)
    assert left == []


def test_a_sign_in_may_begin_in_one_and_end_in_the_other(pair):
    sim, theirs = pair.new.sim, saved_by(pair.old, "Purchasing", BUYER)
    query = sim.sign_in(pair.begin_in_old(theirs), BUYER)
    outcome = pair.new.hook.salesorder_login_callback(
        host=pair.new.host, query=query, worker=WORKER, browser=BROWSER
    )
    assert outcome.code == "connected"

    pair.hook("disconnect", theirs)
    query = sim.sign_in(pair.new.begin(theirs), BUYER)
    outcome = pair.old.call("login_callback", query=query, worker=WORKER, browser=BROWSER)
    assert outcome["code"] == "connected"


def test_both_want_a_new_token_and_one_refresh_serves_them(pair):
    expire_tokens(pair.new.host.settings.database_url)
    before = pair.new.sim.count(grant_type="refresh_token")
    pair.old.ask("folder_choices", account_id=pair.account_id, worker=WORKER)
    assert pair.hook("folder_choices", pair.account_id).roles
    assert pair.old.answer()["roles"]
    assert pair.new.sim.count(grant_type="refresh_token") - before == 1


def test_the_old_version_renews_the_apps_own_access(pair):
    account_id = pair.new.save("Info", "info@contoso.test")
    context = Context(pair.new.host, lambda _: None)
    assert UseCases(context).app_access.connect(account_id, WORKER).connected
    expire_tokens(pair.new.host.settings.database_url)
    assert pair.old.call("folder_choices", account_id=account_id, worker=WORKER)["roles"]
    assert pair.new.sim.count(grant_type="client_credentials") == 2
    # The old version wrote the tokens, and whose they are has stayed.
    with reading(context.engine) as connection:
        assert read_token(connection, account_id).kind is GrantKind.APP


def test_the_old_version_does_not_start_again_and_says_why(pair):
    settings = settings_for(pair.new.sim, pair.new.host.settings.database_url)
    with Process(pair.source, settings) as again, pytest.raises(RefusedError) as refused:
        again.call("account_list", worker=WORKER)
    kind, words = refused.value.args
    assert kind == "StoreError"
    assert f"schema {CURRENT}, this plugin knows" in words
    with reading(engine_for("contoso", pair.new.host.settings.database_url)) as connection:
        assert connection.scalars(select(grant.c.account_id)).all() == [pair.account_id]
