"""Quotes by e-mail: one mail for one click, whatever dies or is pressed again; and the outbox."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from salesorder_m365.demo.erp.quote_pdf import quote_pdf
from salesorder_m365.demo.erp.quotes import SEEDS, Item
from salesorder_m365.demo.erp.scheduler import Scheduler
from salesorder_m365.hooks import (
    BadRequestError,
    Decision,
    Delivery,
    DeliveryRecipient,
    DeliveryState,
    FormErrors,
    Job,
    JobReport,
    NoSuchAccountError,
    NoSuchMailError,
    NotAllowedError,
    RecipientState,
    StoreError,
    TrailStep,
    UnavailableError,
    WaitReason,
    Work,
    hookimpl,
)

ACCOUNT, MAIL, AT = "m365:7", "m365:mail-1", datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
QUOTE = "/quotes/4711"
FORM = f"{QUOTE}/mail"
OUTBOX = f"/setup/configuration/email/mail-accounts/{ACCOUNT}/outbox"
SENT_WORDS = "Taken by the mail server: 250 2.0.0 OK <b>[Hostname=X]</b>"


def a_delivery(**changes):
    mail = Delivery(
        id=MAIL,
        account_id=ACCOUNT,
        request_id="quote-4711-1-x",
        document="quote:4711",
        message_id="<1@contoso.test>",
        subject="Quote <4711>",
        sender="sales@contoso.test",
        state=DeliveryState.QUEUED,
        reason=WaitReason.PAUSED,
        not_before=AT,
        queued_at=AT,
        finished_at=None,
        attempts=1,
        size=2048,
        recipients=(
            DeliveryRecipient(
                address="buyer@fabrikam.example.com",
                name="",
                kind="to",
                state=RecipientState.WAITING,
            ),
        ),
        decisions=(Decision.CANCEL, Decision.RETRY_NOW),
        trail=(
            TrailStep(at=AT, name="queued", text="Queued by admin", details={"by": "admin"}),
            TrailStep(at=AT, name="sent", text=SENT_WORDS),
        ),
    )
    return replace(mail, **changes)


class FakeOutbox:
    """Implements the hooks of mail: queues, or raises `error`; decides once."""

    def __init__(self):
        self.error, self.refused = None, None
        self.mail = a_delivery()
        self.sent, self.ran = [], []
        self.work = []
        self.before = lambda: None
        self.report = None

    @hookimpl
    def salesorder_mail_send(self, host, account_id, message, worker, request_id, wait):
        self.before()
        self.sent.append((request_id, account_id, message, worker, wait))
        if self.error:
            raise self.error
        return self.refused or self.mail

    @hookimpl
    def salesorder_mail_deliveries(self, host, account_id, state, document, worker, limit, before):
        self.asked = {"account_id": account_id, "state": state, "before": before}
        return [self.mail] if self.mail else []

    @hookimpl
    def salesorder_mail_delivery(self, host, delivery_id, worker):
        if delivery_id != MAIL:
            raise NoSuchMailError(delivery_id)
        return self.mail

    @hookimpl
    def salesorder_mail_decide(self, host, delivery_id, decision, worker):
        if decision not in self.mail.decisions:
            raise BadRequestError("decision_not_possible")
        self.mail = a_delivery(state=DeliveryState.CANCELLED, reason=WaitReason.NONE, decisions=())
        return self.mail

    @hookimpl
    def salesorder_mail_test(self, host, account_id, worker, progress):
        if self.error:
            raise self.error
        return self.report

    @hookimpl
    def salesorder_work_due(self, host, limit, worker):
        return self.work

    @hookimpl
    def salesorder_jobs(self):
        return [Job(name=f"m365:{name}", title=name, every=60) for name in ("deliver", "clean")]

    @hookimpl
    def salesorder_job_run(self, host, name, worker):
        self.ran.append(name)
        return JobReport(name=name)


@pytest.fixture
def outbox(erp, mail):
    """The outbox of a connected account; the ERP has its quotes."""
    mail.view = mail.new_view("connected")
    fake = FakeOutbox()
    erp.host.plugins.register(fake)
    erp.host.quotes.add()
    return fake


@pytest.fixture
def meant(erp):
    """Return what was stored and is in no outbox."""
    return lambda: erp.host.quote_mails.without_delivery(4711)


def form_of(visitor):
    """Return what the form would send as it stands."""
    page = visitor.get(FORM).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return hidden | {
        "account": ACCOUNT,
        "to": "buyer@fabrikam.example.com; second@fabrikam.example.com",
        "subject": "Our quote",
        "text": "Hello",
        "attach": "on",
    }


def press(visitor, button, form=None):
    return visitor.post(
        FORM, data={**(form or form_of(visitor)), "act": button}, allow_redirects=False
    )


def test_a_click_is_stored_before_the_plugin_is_called(admin, outbox, meant):
    seen = []
    outbox.before = lambda: seen.extend(meant())
    answer = press(admin, "send")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/mails/{MAIL}")
    ((request_id, account, message, worker, wait),) = outbox.sent
    assert [each.request_id for each in seen] == [request_id]
    assert re.fullmatch(r"quote-4711-1-[\w-]{16,40}", request_id)
    assert (account, worker, message.document) == (ACCOUNT, "admin", "quote:4711")
    assert [each.address for each in message.to] == [
        "buyer@fabrikam.example.com",
        "second@fabrikam.example.com",
    ]
    assert message.attachments[0].content.startswith(b"%PDF-")
    assert 0 < wait < 10
    assert meant() == ()


@pytest.mark.parametrize("error", [UnavailableError("throttled"), StoreError("database_busy")])
def test_what_was_not_queued_is_handed_over_by_the_scheduler_once(
    erp, admin, outbox, meant, text_of, error
):
    outbox.error = error
    assert press(admin, "send").headers["location"] == QUOTE
    assert "is handed over as soon as that is possible" in text_of(admin.get(QUOTE))
    scheduler = Scheduler(erp.host)
    # Still not to be had: it stays.
    scheduler.turn(0)
    assert len(meant()) == 1
    outbox.error = None
    for _ in range(3):
        scheduler.turn(0)
    assert meant() == ()
    assert {each[0] for each in outbox.sent} == {outbox.sent[0][0]}
    assert [each[2] for each in outbox.sent[1:]] == [outbox.sent[0][2]] * 2


def test_a_click_that_is_still_at_work_is_left_alone(erp, admin, outbox, meant):
    outbox.error = UnavailableError("throttled")
    press(admin, "send")
    Scheduler(erp.host).turn(60)
    assert len(outbox.sent) == len(meant()) == 1


REFUSALS = {
    "deleted": (NoSuchAccountError(ACCOUNT), 404),
    "forbidden": (NotAllowedError("admin", "mail_accounts.send", ACCOUNT), 403),
    "another": (BadRequestError("request_id_taken"), 400),
}


@pytest.mark.parametrize(("error", "status"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_for_good_is_not_tried_again(admin, outbox, meant, error, status):
    outbox.error = error
    assert press(admin, "send").status_code == status
    assert meant() == ()


def test_what_the_scheduler_cannot_hand_over_is_said_on_the_quotes_page(
    erp, admin, outbox, text_of
):
    outbox.error = StoreError("database_busy")
    press(admin, "send")
    outbox.error = NoSuchAccountError(ACCOUNT)
    for _ in range(2):
        Scheduler(erp.host).turn(0)
    assert len(outbox.sent) == 2
    assert "not queued. " in text_of(admin.get(QUOTE))


def test_messages_stand_beside_their_fields_and_others_above(admin, outbox, meant):
    errors = {"to": ("No address.",), "previewed": ("It has changed.",)}
    outbox.refused = FormErrors(errors=errors)
    answer = press(admin, "send")
    assert answer.status_code == 422
    assert '<p class="error" id="to-error">No address.</p>' in answer.text
    assert "<li>It has changed.</li>" in answer.text
    assert 'value="Our quote"' in answer.text
    assert meant() == ()


def test_the_same_form_twice_is_one_request_and_with_other_content_none(admin, outbox, text_of):
    form = form_of(admin)
    for _ in range(2):
        assert press(admin, "send", form).status_code == 303
    assert len({each[0] for each in outbox.sent}) == 1
    answer = press(admin, "send", form | {"to": "other@fabrikam.example.com"})
    assert answer.status_code == 409
    assert "From this form another mail was sent" in text_of(answer)
    assert len(outbox.sent) == 2
    # The form that is shown now sends it, as a mail of its own.
    token = re.search(r'name="token" value="([^"]*)"', answer.text)[1]
    again = form | {"to": "other@fabrikam.example.com", "token": token}
    assert press(admin, "send", again).status_code == 303
    assert len({each[0] for each in outbox.sent}) == 2


def test_an_old_version_is_not_sent(admin, outbox, text_of):
    form = form_of(admin)
    for _ in range(2):
        admin.post_form(QUOTE, f"{QUOTE}/renew", {"version": "1"})
    answer = press(admin, "send", form)
    assert answer.status_code == 409
    # Pressed twice on one page, it was one new version.
    assert "this is version 2 now" in text_of(answer)
    assert outbox.sent == []


@pytest.mark.parametrize("token", ["", "x" * 15, "x" * 41, "quote 4711 " * 2])
def test_a_token_of_somebodys_own_is_refused(admin, outbox, token):
    assert press(admin, "send", form_of(admin) | {"token": token}).status_code == 400
    assert outbox.sent == []


def test_an_account_that_is_not_in_the_list_is_refused_at_its_field(admin, outbox):
    answer = press(admin, "send", form_of(admin) | {"account": "m365:8"})
    assert answer.status_code == 422
    assert 'id="account-error"' in answer.text
    assert outbox.sent == []


def test_what_was_typed_outlives_the_session(erp, outbox):
    with erp.visit() as visitor:
        visitor.log_in()
        form = form_of(visitor)
        visitor.post_form("/", "/logout")
        visitor.get("/login")
        assert press(visitor, "send", form).headers["location"] == "/login"
        assert visitor.log_in().headers["location"] == FORM
        assert "Our quote" in visitor.get(FORM).text
    assert outbox.sent == []


def test_who_may_send_need_not_be_allowed_to_decide(erp, outbox):
    with erp.visit() as clerk:
        clerk.log_in("quotes")
        assert press(clerk, "send").status_code == 303
        for page in (f"/mails/{MAIL}", OUTBOX):
            assert "Take back" not in clerk.get(page).text


def test_who_may_not_send_sees_why_and_nothing_of_the_mails(erp, outbox, text_of):
    with erp.visit() as visitor:
        visitor.log_in("sales")
        page = text_of(visitor.get(QUOTE))
        assert "You lack the permission to send mail" in page
        assert "Quote <4711>" not in page
        assert visitor.get(FORM).status_code == 403


@pytest.mark.parametrize(
    ("back", "target"), [("outbox", OUTBOX), ("", f"/mails/{MAIL}"), ("//evil", f"/mails/{MAIL}")]
)
def test_a_decision_is_done_once_and_answered_each_time(admin, outbox, text_of, back, target):
    for said in ("Taken back. It is not sent.", "Nothing was done: the state of this mail is"):
        answer = admin.post_form(f"/mails/{MAIL}", f"/mails/{MAIL}/cancel", {"back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, target)
        assert said in text_of(admin.get(target))


def test_decisions_need_the_token_and_a_name(admin, outbox):
    assert admin.post(f"/mails/{MAIL}/cancel", data={"csrf": "x"}).status_code == 403
    assert admin.post_form(f"/mails/{MAIL}", f"/mails/{MAIL}/burn").status_code == 404
    assert outbox.mail.state is DeliveryState.QUEUED


def test_the_trail_leads_from_the_quote_to_the_servers_words(admin, outbox, text_of):
    page = admin.get(f"/mails/{MAIL}")
    shown = text_of(page)
    places = [shown.index(each) for each in ("quote Q-2026-0117", "by Administrator", "250 2.0.0")]
    assert places == sorted(places)
    assert "<b>[Hostname" not in page.text


def test_the_page_changes_by_itself_or_by_a_link_until_all_is_settled(admin, outbox):
    for path in (QUOTE, OUTBOX, f"/mails/{MAIL}"):
        outbox.mail = a_delivery()
        waiting = admin.get(path).text
        assert "Look again</a>" in waiting
        address, state = re.search(r'data-poll="([^"]+)" data-state="(\w+)"', waiting).groups()
        assert admin.get(address).json() == {"state": state}
        outbox.mail = a_delivery(state=DeliveryState.SENT, reason=WaitReason.NONE)
        assert admin.get(address).json() != {"state": state}
        assert "data-poll" not in admin.get(path).text


@pytest.mark.parametrize("state", DeliveryState)
def test_what_is_in_the_way_stands_there_as_long_as_it_matters(admin, outbox, mail, text_of, state):
    outbox.mail = a_delivery(state=state, reason=WaitReason.NONE, finding=mail.new_finding())
    over = state in (DeliveryState.SENT, DeliveryState.CANCELLED)
    for path in (QUOTE, OUTBOX, f"/mails/{MAIL}"):
        shown = text_of(admin.get(path))
        assert ("Sending is switched off in your organization" in shown) is not over


def test_the_outbox_pages_and_filters(admin, outbox, mocker, text_of):
    mocker.patch("salesorder_m365.demo.pages.outbox._SHOWN", 1)
    page = admin.get(f"{OUTBOX}?state=queued").text
    assert f"{OUTBOX}?state=queued&amp;before=m365%3Amail-1" in page
    admin.get(f"{OUTBOX}?state=queued&before={MAIL}")
    assert outbox.asked == {"account_id": ACCOUNT, "state": "queued", "before": MAIL}
    outbox.mail = None
    assert "Nothing was sent yet" in text_of(admin.get(f"{OUTBOX}?state=nonsense"))
    assert outbox.asked["state"] is None


def test_an_unknown_mail_and_quote_are_404(admin, outbox, text_of):
    gone = admin.get("/mails/m365:none")
    assert (gone.status_code, "There is no such mail" in text_of(gone)) == (404, True)
    assert admin.get("/quotes/1").status_code == admin.get("/quotes/x").status_code == 404


def test_a_mail_outlives_its_account(admin, outbox, text_of):
    outbox.mail = a_delivery(account_id="m365:gone", document="")
    assert "Deleted, or not yours to see" in text_of(admin.get(f"/mails/{MAIL}"))


def test_waiting_mail_is_on_the_accounts_page_and_before_its_delete(admin, outbox, mail, text_of):
    paused = mail.new_finding()
    mail.view = mail.new_view("connected", waiting=2, paused=paused)
    account = OUTBOX.removesuffix("/outbox")
    shown = text_of(admin.get(account))
    assert "2 mails are not settled yet." in shown
    assert f"nothing leaves. {paused.title}" in shown
    assert "2 mails are not settled. What waits" in text_of(admin.get(f"{account}/delete"))
    assert "paused" in text_of(admin.get(FORM))


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (None, "The mail was sent, a copy of it was filed, and it arrived."),
        (("smtp", 0), "Sending is switched off in your organization."),
    ],
    ids=["passed", "failed"],
)
def test_a_test_mail_is_a_button_of_its_own_with_a_report(
    admin, outbox, mail, text_of, broken, told
):
    account = OUTBOX.removesuffix("/outbox")
    assert "Send a test mail to myself" in admin.get(account).text
    outbox.report = mail.new_report(broken)
    answer = admin.post_form(account, f"{account}/test-mail")
    assert answer.headers["location"] == f"{account}/test-mail"
    for _ in range(2):
        assert told in text_of(admin.get(f"{account}/test-mail"))


def test_without_a_test_mail_there_is_no_report(admin, outbox):
    account = OUTBOX.removesuffix("/outbox")
    answer = admin.get(f"{account}/test-mail", allow_redirects=False)
    assert answer.headers["location"] == account
    outbox.error = NotAllowedError("admin", "mail_accounts.send", ACCOUNT)
    assert admin.post_form(account, f"{account}/test-mail").status_code == 403


def test_the_scheduler_runs_jobs_when_due_and_sending_whenever_there_is_work(erp, outbox):
    scheduler = Scheduler(erp.host)
    scheduler.turn(60)
    assert outbox.ran == ["m365:deliver", "m365:clean"]
    scheduler.turn(60)
    outbox.work = [Work(kind="deliver", account_id=ACCOUNT, due_at=AT)]
    scheduler.turn(60)
    assert outbox.ran[2:] == ["m365:deliver"]


def test_the_scheduler_outlives_what_goes_wrong(erp, outbox, mocker, caplog):
    mocker.patch("salesorder_m365.demo.erp.scheduler._LOOK", 0)
    seen = []

    def turn(running, _left_behind):
        seen.append(1)
        if len(seen) == 1:
            raise UnavailableError("throttled")
        if len(seen) == 2:
            raise ValueError
        running._ended.set()

    mocker.patch.object(Scheduler, "turn", turn)
    with Scheduler(erp.host) as scheduler:
        scheduler._thread.join(10)
    assert len(seen) >= 3
    assert len(caplog.records) >= 2


def test_a_quotes_pdf_is_sound_and_the_same_each_time():
    quote = replace(SEEDS[0], items=(Item(r"Chairs (round) \ 椅子 “Contour”", 1, 100),))
    file = quote_pdf(quote)
    assert file == quote_pdf(quote)
    table = int(re.search(rb"startxref\n(\d+)", file)[1])
    assert file[table:].startswith(b"xref\n0 6\n")
    places = [int(each) for each in re.findall(rb"(\d{10}) 00000 n", file)]
    for number, place in enumerate(places, 1):
        assert file[place:].startswith(b"%d 0 obj" % number)
    length, start = re.search(rb"/Length (\d+) >>\nstream\n", file), b"\nendstream"
    assert file[length.end() + int(length[1]) :].startswith(start)
    assert rb"Chairs \(round\) \\ ??" in file
