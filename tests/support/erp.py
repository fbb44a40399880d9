"""An ERP for tests: its permissions and its clock can be turned, and it keeps its events."""

from datetime import UTC, datetime, timedelta

from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.schemas.signin import LoginOutcome

WORKER, BROWSER = "worker-1", "a-browser-of-worker-1"
FORM = {
    "account_name": "Sales",
    "sender_name": "Sales Desk",
    "sender_email": "sales@contoso.test",
    "use_oauth": "on",
    "username": "",
}


class Erp:
    """The host: everything is allowed that is not in `denied`."""

    def __init__(self, settings, name="contoso"):
        self.name = name
        self.settings = settings
        self.plugins = create_manager()
        self.plugins.register(self)
        self.hook = self.plugins.hook
        self.denied = set()
        self.later = timedelta()
        self.events = []

    def allows(self, worker, permission, account_id):
        return permission not in self.denied

    def now(self):
        return datetime.now(UTC) + self.later

    @hookimpl
    def salesorder_event(self, host, event):
        self.events.append(event)

    def event_names(self):
        return [event.name for event in self.events]

    def save(self, account_id=None, request_id="request-1", **values):
        return self.hook.salesorder_account_save(
            host=self,
            kind="m365",
            account_id=account_id,
            values=FORM | values,
            worker=WORKER,
            request_id=request_id,
        )

    def view(self, account_id):
        return self.hook.salesorder_account_view(host=self, account_id=account_id, worker=WORKER)

    def begin(self, account_id, browser=BROWSER, worker=WORKER, return_to="/mail/1"):
        return self.hook.salesorder_login_begin(
            host=self, account_id=account_id, worker=worker, browser=browser, return_to=return_to
        )

    def finish(self, query, browser=BROWSER, worker=WORKER) -> LoginOutcome | None:
        return self.hook.salesorder_login_callback(
            host=self, query=query, worker=worker, browser=browser
        )

    def sign_in(self, sim, account_id, username="sales@contoso.test", *, consent=True):
        """Take the account through Microsoft's pages and back."""
        query = sim.sign_in(self.begin(account_id).url, username, consent=consent)
        return self.finish(query)

    def connected(self, sim, **values):
        """Return the id of an account that is signed in."""
        view = self.save(**values)
        outcome = self.sign_in(sim, view.id, view.values.username)
        assert outcome.code == "connected", outcome
        return view.id

    def test(self, account_id, progress=None, worker=WORKER):
        return self.hook.salesorder_test_connection(
            host=self, account_id=account_id, worker=worker, progress=progress
        )

    def choices(self, account_id):
        return self.hook.salesorder_folder_choices(host=self, account_id=account_id, worker=WORKER)

    def map(self, account_id, **mapping):
        return self.hook.salesorder_folder_map(
            host=self, account_id=account_id, mapping=mapping, worker=WORKER
        )

    def expire_token(self, account_id):
        """Let the stored access token have run out."""
        row = grant.update().where(grant.c.account_id == account_id).values(expires_at=1)
        with writing(engine_for(self.name, self.settings.database_url)) as connection:
            connection.execute(row)

    def forget_waiting(self, account_id):
        """Let the next renewal ask at once: after a fault it waits."""
        row = grant.update().where(grant.c.account_id == account_id).values(not_before=0)
        with writing(engine_for(self.name, self.settings.database_url)) as connection:
            connection.execute(row)
