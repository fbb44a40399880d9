"""A host on Flask, written from docs/host.md alone: forms, a session cookie, and no script.

``--salesorder-host support.flask_host:host``.
"""

import secrets
from datetime import UTC, datetime

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    render_template_string,
    request,
    session,
    url_for,
)
from salesorder_m365.hooks.manager import create_manager
from salesorder_m365.hooks.spec import hookimpl
from salesorder_m365.plugin.errors import (
    BadRequestError,
    M365Error,
    MailError,
    NoSuchAccountError,
    NotAllowedError,
    RegistrationError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.web import create_app

STATUS = {
    BadRequestError: 400,
    NotAllowedError: 403,
    NoSuchAccountError: 404,
    SignInNeededError: 409,
    RegistrationError: 502,
    MailError: 502,
    UnavailableError: 503,
    StoreError: 503,
}
PAGE = """<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1>
{% for text in texts %}<p>{{ text }}</p>{% endfor %}
{% for form in forms %}
<form method="post" action="{{ form.action }}">
<input type="hidden" name="csrf" value="{{ session.csrf }}">
{% for name, value in form.hidden.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
{% for field in form.fields %}<label>{{ field.label }} <input name="{{ field.name }}"
{% if field.widget == "checkbox" %}type="checkbox" {{ "checked" if form.given[field.name] }}
{% else %}value="{{ form.given[field.name] }}"{% endif %}></label>
{{ form.errors.get(field.name, []) | join(" ") }}{% endfor %}
{% for choice in form.roles %}<label>{{ choice.label }} <select name="{{ choice.role }}">
<option value="">Not mapped</option>{% for folder in form.folders if folder.selectable %}
<option value="{{ folder.path }}"{{ " selected" if folder.path == choice.mapped }}>
{{- folder.full_label }}</option>{% endfor %}</select></label>{% endfor %}
<button>{{ form.label }}</button></form>{% endfor %}"""


class Erp:
    """The host object of one database."""

    def __init__(self, place):
        self.name, self.settings, self.log = str(place.folder), place.settings, []
        self.plugins = create_manager()
        self.plugins.register(self)

    def allows(self, worker, permission, account_id):
        return worker == "boss"

    def now(self):
        return datetime.now(UTC)

    @hookimpl
    def salesorder_event(self, host, event):
        self.log.append(event.name)


def form(action, label, kind=None, values=None, errors=None, **more):
    return {
        "action": action,
        "label": label,
        "fields": kind.fields if kind else (),
        "given": values or {},
        "errors": errors or {},
        "hidden": {},
        "roles": (),
        **more,
    }


def page(title, *texts, forms=(), status=200):
    return render_template_string(PAGE, title=title, texts=texts, forms=forms), status


pages = Blueprint("mail", __name__)


def erp():
    return current_app.config["ERP"]


def hook():
    return erp().plugins.hook


def who():
    return {"host": erp(), "worker": session.get("worker", "")}


def kind():
    return next(k for kinds in hook().salesorder_account_kinds() for k in kinds)


def view(account_id):
    found = hook().salesorder_account_view(**who(), account_id=account_id)
    return found or abort(404)


@pages.before_app_request
def check_token():
    session.setdefault("csrf", secrets.token_urlsafe())
    given = request.form.get("csrf", "")
    if request.method == "POST" and not secrets.compare_digest(given, session["csrf"]):
        abort(403)


@pages.app_errorhandler(M365Error)
def refuse(error):
    known = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return page("This was not done", str(error), status=next(known, 500))


@pages.get("/login")
def login_page():
    workers = [form(f"/login/{worker}", f"Log in as {worker}") for worker in ("boss", "guest")]
    return page("Log in", forms=workers)


@pages.post("/login/<worker>")
def log_in(worker):
    session["worker"] = worker
    return redirect("/", 303)


@pages.get("/")
def home():
    return page("Home", session.pop("said", ""))


def drawn_new(values, errors=None, request_id=None):
    hidden = {"request_id": request_id or secrets.token_urlsafe()}
    new = form("/accounts", "Save", kind(), values, errors, hidden=hidden)
    return page(kind().menu.label, forms=[new], status=422 if errors else 200)


@pages.get("/accounts/new")
def new():
    return drawn_new({field.name: field.default for field in kind().fields})


def saved(account_id):
    return hook().salesorder_account_save(
        **who(),
        kind="m365",
        account_id=account_id,
        values={field.name: request.form.get(field.name, "") for field in kind().fields},
        request_id=request.form.get("request_id", ""),
    )


@pages.post("/accounts")
def create():
    made = saved(None)
    if isinstance(made, FormErrors):
        return drawn_new(made.values, made.errors, request.form["request_id"])
    return redirect(url_for("mail.account", account_id=made.id), 303)


def drawn(account_id, values=None, errors=None):
    found = view(account_id)
    stored = {field.name: getattr(found.values, field.name) for field in kind().fields}
    forms = [
        form(f"/accounts/{account_id}/{button.name}", button.label)
        for button in found.buttons
        if button.enabled and button.name not in {"save", "folders"}
    ]
    hidden = {"request_id": secrets.token_urlsafe()}
    edited = values or stored
    forms.append(form(f"/accounts/{account_id}", "Save", kind(), edited, errors, hidden=hidden))
    texts = [found.values.account_name, found.state_label, session.pop("said", "")]
    if found.report:
        texts += [finding.title for finding in found.report.findings] or ["It works."]
    return page("Mail account", *texts, forms=forms, status=422 if errors else 200)


@pages.get("/accounts/<account_id>")
def account(account_id):
    return drawn(account_id)


@pages.post("/accounts/<account_id>")
def change(account_id):
    changed = saved(account_id)
    if isinstance(changed, FormErrors):
        return drawn(account_id, changed.values, changed.errors)
    return redirect(url_for("mail.account", account_id=account_id), 303)


@pages.post("/accounts/<account_id>/login")
def begin(account_id):
    back = url_for("mail.account", account_id=account_id)
    ticket = hook().salesorder_login_ticket(
        **who(), account_id=account_id, return_to=back, purpose="login"
    )
    return redirect(ticket or abort(404), 303)


@pages.get("/mail/m365/<route>")
def mail_routes(route):
    answer = ROUTES.answer(request.environ)
    return Response(answer.body, answer.status, answer.headers)


def arrived(environ, outcome):
    if outcome is None:
        return None
    steps = outcome.finding.steps if outcome.finding else ()
    session["said"] = " ".join([outcome.message, *steps])
    return 303, [("Location", outcome.next_url)], b""


ROUTES = create_app(lambda environ: erp(), lambda environ: session.get("worker"), arrived)


@pages.post("/accounts/<account_id>/test")
def test(account_id):
    hook().salesorder_test_connection(**who(), account_id=account_id, progress=None)
    return redirect(url_for("mail.account", account_id=account_id), 303)


@pages.post("/accounts/<account_id>/disconnect")
def disconnect(account_id):
    hook().salesorder_disconnect(**who(), account_id=account_id)
    return redirect(url_for("mail.account", account_id=account_id), 303)


@pages.post("/accounts/<account_id>/delete")
def delete(account_id):
    hook().salesorder_account_delete(**who(), account_id=account_id)
    return redirect("/", 303)


@pages.get("/accounts/<account_id>/folders")
def folders(account_id):
    choices = hook().salesorder_folder_choices(**who(), account_id=account_id) or abort(404)
    mapping = form(request.path, "Save", roles=choices.roles, folders=choices.folders)
    return page("Default Folder Mappings", forms=[mapping])


@pages.post("/accounts/<account_id>/folders")
def map_folders(account_id):
    mapping = {name: path for name, path in request.form.items() if name != "csrf"}
    mapped = hook().salesorder_folder_map(**who(), account_id=account_id, mapping=mapping)
    if isinstance(mapped, FormErrors):
        return page("Nothing was saved", *map(str, mapped.errors.values()), status=422)
    return redirect(url_for("mail.account", account_id=account_id), 303)


def create_app(host):
    app = Flask("erp")
    app.secret_key = secrets.token_bytes(32)
    app.config.update(ERP=host, SESSION_COOKIE_NAME="erp_session", SESSION_COOKIE_SAMESITE="Lax")
    app.register_blueprint(pages)
    return app


class FlaskHostUnderTest:
    worker, stranger = "boss", "guest"

    def __init__(self, place):
        self.host = Erp(place)
        self.app = create_app(self.host)

    def log_in(self, browser, worker):
        browser.form("/login", f"Log in as {worker}")()

    def account_form(self, browser, values):
        return browser.form("/accounts/new", "Save", values)

    def button(self, browser, account_id, name, values):
        if name == "folders":
            return browser.form(f"/accounts/{account_id}/folders", "Save", values)
        label = {"save": "Save", "login": "Login", "test": "Test Connection"}.get(
            name, name.title()
        )
        return browser.form(f"/accounts/{account_id}", label, values)

    def read(self, browser, path):
        return browser.text(path)


host = FlaskHostUnderTest
