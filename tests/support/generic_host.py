"""A host with Generic accounts in memory, which can fail and can be changed under one's hands."""

import json
from dataclasses import replace

from salesorder_m365.schemas.generic import GenericAccount
from support.erp import WORKER, Erp

SECRET = "old-password-of"


def generic(number=1, address="sales@contoso.test", **changes):
    account = GenericAccount(
        id=f"g{number}", name=f"Branch {number}", address=address, sender_name="Branch", used_by=()
    )
    return replace(account, **changes)


class GenericErp(Erp):
    """The host of the tests with Generic accounts."""

    def __init__(self, settings, *accounts, name="contoso"):
        super().__init__(settings, name)
        self.old = {account.id: account for account in accounts}
        self.passwords = {account.id: f"{SECRET}-{account.id}" for account in accounts}
        self.successors = {}
        self.calls = []
        #: Called with a method's name and its id before it works.
        self.before = lambda method, generic_id: None

    def _called(self, method, generic_id=""):
        self.calls.append((method, generic_id))
        self.before(method, generic_id)

    def generic_accounts(self):
        self._called("list")
        return list(self.old.values())

    def export_generic(self, generic_id):
        self._called("export", generic_id)
        return self._export(generic_id)

    def _export(self, generic_id):
        if generic_id not in self.old:
            return None
        old = self.old[generic_id]
        return json.dumps([old.name, old.address, self.passwords[generic_id]])

    def delete_generic(self, generic_id, settings, successor):
        self._called("delete", generic_id)
        if self._export(generic_id) not in {settings, None}:
            return False
        if self.old.pop(generic_id, None):
            self.successors[generic_id] = successor
        return True

    def put_back_generic(self, generic_id, settings):
        self._called("put_back", generic_id)
        if generic_id not in self.old:
            name, address, self.passwords[generic_id] = json.loads(settings)
            self.old[generic_id] = GenericAccount(id=generic_id, name=name, address=address)

    # As an administrator does

    def plan(self):
        return self.hook.salesorder_generic_accounts_plan(host=self, kind="m365", worker=WORKER)

    def lines(self):
        return {line.generic.id: line for line in self.plan().accounts}

    def replace(self, *ids, force=False, progress=None):
        result = self.hook.salesorder_generic_accounts_replace(
            host=self,
            kind="m365",
            generic_ids=ids or None,
            force=force,
            worker=WORKER,
            progress=progress,
        )
        return {outcome.generic_id: outcome for outcome in result.outcomes}

    def restore(self, *ids, keep_new=False, progress=None):
        result = self.hook.salesorder_generic_accounts_restore(
            host=self,
            kind="m365",
            generic_ids=ids or None,
            keep_new=keep_new,
            worker=WORKER,
            progress=progress,
        )
        return {outcome.generic_id: outcome for outcome in result.outcomes}

    def accounts(self):
        (views,) = self.hook.salesorder_account_list(host=self, worker=WORKER)
        return {view.values.sender_email: view for view in views}
