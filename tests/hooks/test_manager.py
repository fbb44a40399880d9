"""The manager helper: it knows the contract and refuses what does not fit it."""

import pluggy
import pytest
from salesorder_m365.hooks import create_manager, hookimpl


def test_an_unknown_hook_is_refused(monkeypatch):
    class Wrong:
        @hookimpl
        def salesorder_no_such_hook(self):
            """Never called."""

    def load(self, group):
        self.register(Wrong())

    monkeypatch.setattr(pluggy.PluginManager, "load_setuptools_entrypoints", load)
    with pytest.raises(pluggy.PluginValidationError, match="unknown hook"):
        create_manager()


def test_arguments_that_the_contract_does_not_have_are_refused():
    class Wrong:
        @hookimpl
        def salesorder_account_view(self, host, account):
            """Never called."""

    with pytest.raises(pluggy.PluginValidationError, match="account"):
        create_manager(load=False).register(Wrong())


def test_another_plugins_none_leaves_the_answer_to_the_next():
    class Other:
        @hookimpl
        def salesorder_account_delete(self, account_id):
            return True if account_id.startswith("other:") else None

    manager = create_manager(load=False)
    manager.register(Other())
    delete = manager.hook.salesorder_account_delete
    assert delete(host=None, account_id="other:1", worker="w") is True
    assert delete(host=None, account_id="m365:1", worker="w") is None
