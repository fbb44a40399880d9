"""Tests as a host's author writes them: pytest-mock at the host's own edges only."""

from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.schemas.report import StageStatus
from support.erp import BROWSER, WORKER

MENU = ("Setup", "Configuration", "Email", "Mail Accounts", "Actions")


def menu(hook):
    """Draw an ERP's menu: code that an author has and tests."""
    return [
        " > ".join((*kind.menu.path, kind.menu.label))
        for kinds in hook.salesorder_account_kinds()
        for kind in kinds
    ]


def test_the_menu_shows_what_the_plugins_offer(mocker):
    kind = mocker.Mock(menu=mocker.Mock(path=("Setup", "Email"), label="New Pigeon"))
    other = mocker.Mock(spec=[])
    other.salesorder_account_kinds = hookimpl(lambda: [kind])
    manager = create_manager()
    manager.register(other)
    assert sorted(menu(manager.hook)) == [
        " > ".join((*MENU, "New Microsoft 365 Account (Corporate)")),
        "Setup > Email > New Pigeon",
    ]


def test_permission_is_asked_for_the_account_in_question(erp, sim, mocker):
    account_id = erp.connected(sim)
    allows = mocker.spy(erp, "allows")
    erp.choices(account_id)
    allows.assert_called_once_with(WORKER, "mail_accounts.map_folders", account_id)


def test_progress_tells_each_stage_as_it_starts_and_ends(erp, sim, mocker):
    account_id = erp.connected(sim)
    progress = mocker.stub("progress")
    report = erp.test(account_id, progress)
    told = [call.args[0] for call in progress.call_args_list]
    ended = [stage for stage in told if stage.status is not StageStatus.RUNNING]
    assert sorted(ended, key=str) == sorted(report.stages, key=str)
    for stage in report.stages:
        statuses = [s.status for s in told if (s.protocol, s.name) == (stage.protocol, stage.name)]
        assert statuses == [StageStatus.RUNNING, StageStatus.PASSED]


class FullLog:
    """A host's handler whose disk is full."""

    @hookimpl
    def salesorder_event(self, event):
        raise OSError(event.name)


def test_an_event_handler_that_raises_changes_nothing_for_the_worker(erp, caplog):
    erp.plugins.register(FullLog())
    assert erp.save().state == "draft"
    assert "salesorder_event failed for mail_account_created" in caplog.text


def test_a_page_is_drawn_without_the_network(erp, sim, mocker):
    account_id = erp.connected(sim)
    connect = mocker.patch("socket.socket.connect", side_effect=AssertionError)
    connect_ex = mocker.patch("socket.socket.connect_ex", side_effect=AssertionError)
    assert erp.view(account_id).state == "connected"
    assert len(erp.hook.salesorder_account_list(host=erp, worker=WORKER)) == 1
    connect.assert_not_called()
    connect_ex.assert_not_called()


def test_a_login_writes_one_attempt_and_shows_no_secret(erp, sim, mocker):
    account_id = erp.save().id
    redirect = erp.begin(account_id)
    assert redirect.url.startswith(sim.browser_url)
    assert redirect.url not in repr(redirect)
    assert BROWSER not in str(erp.events)
