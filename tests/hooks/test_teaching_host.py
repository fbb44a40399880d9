"""A whole host in sixty lines, and the help article's way through it, by hooks alone."""

from datetime import UTC, datetime

from salesorder_m365.hooks import create_manager, hookimpl


class Erp:
    """What an ERP must bring: a name, settings, a plugin manager, permissions and a clock."""

    def __init__(self, settings):
        self.name, self.settings, self.log = "contoso", settings, []
        self.plugins = create_manager()
        self.plugins.register(self)  # for salesorder_event

    def allows(self, worker, permission, account_id):
        return worker == "administrator"

    def now(self):
        return datetime.now(UTC)

    @hookimpl
    def salesorder_event(self, host, event):
        self.log.append(event.name)


def test_the_article(sim, settings_for):
    erp = Erp(settings_for(sim))
    hook, worker, browser = erp.plugins.hook, "administrator", "value-of-a-random-cookie"

    # Setup > Configuration > Email > Mail Accounts > Actions
    kind = next(k for kinds in hook.salesorder_account_kinds() for k in kinds if k.kind == "m365")
    assert kind.menu.label == "New Microsoft 365 Account (Corporate)"
    filled_in = ["Sales", "Sales Desk", "sales@contoso.test", True, "sales@contoso.test"]
    values = dict(zip([field.name for field in kind.fields], filled_in, strict=True))
    account = hook.salesorder_account_save(
        host=erp, kind="m365", account_id=None, values=values, worker=worker, request_id="form-1"
    )
    who = {"host": erp, "account_id": account.id, "worker": worker}

    # Login: the browser goes to Microsoft and comes back to the callback route.
    redirect = hook.salesorder_login_begin(**who, browser=browser, return_to="/mail-accounts/1")
    query = sim.sign_in(redirect.url, "sales@contoso.test")
    outcome = hook.salesorder_login_callback(host=erp, query=query, worker=worker, browser=browser)
    assert (outcome.code, outcome.next_url) == ("connected", "/mail-accounts/1")

    # Test Connection
    report = hook.salesorder_test_connection(**who, progress=None)
    assert report.passed, report.findings

    # Default Folder Mappings
    roles = hook.salesorder_folder_choices(**who).roles
    suggested = {choice.role: choice.suggested for choice in roles}
    view = hook.salesorder_folder_map(**who, mapping=suggested)
    assert {mapped.role: mapped.path for mapped in view.folders}["sent"] == "Sent Items"
    assert "authn_login_success" in erp.log
