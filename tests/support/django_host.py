"""A host on Django: settings as `startproject` makes them, without a database of its own.

``--salesorder-host support.django_host:host``. Sessions are Django's signed cookies, and Strict, so
that the end of a sign-in is told by the page of the routes.
"""

import secrets
from datetime import UTC, datetime

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.urls import path, re_path
from salesorder_m365.hooks import (
    BadRequestError,
    FormErrors,
    M365Error,
    NoSuchAccountError,
    NotAllowedError,
    SignInNeededError,
    UnavailableError,
    create_manager,
    hookimpl,
)
from salesorder_m365.web import create_app

settings.configure(
    ALLOWED_HOSTS=["localhost"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "support.django_host.refusals",
    ],
    ROOT_URLCONF="support.django_host",
    SECRET_KEY=secrets.token_urlsafe(),
    SESSION_COOKIE_NAME="erp_session",
    SESSION_COOKIE_SAMESITE="Strict",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup(set_prefix=False)
STATUS = {
    BadRequestError: 400,
    NotAllowedError: 403,
    NoSuchAccountError: 404,
    SignInNeededError: 409,
    UnavailableError: 503,
}
PAGE = """<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1>
{% for text in texts %}<p>{{ text }}</p>{% endfor %}
{% for form in forms %}<form method="post" action="{{ form.action }}">{% csrf_token %}
{% for field in form.fields %}
{% if field.choices %}<select name="{{ field.name }}"><option value="">Not mapped</option>
{% for value, label in field.choices %}
<option value="{{ value }}"{% if value == field.value %} selected{% endif %}>{{ label }}</option>
{% endfor %}</select>
{% else %}<input name="{{ field.name }}" type="{{ field.type }}" value="{{ field.value }}"
{% if field.ticked %} checked{% endif %}>{{ field.errors }}{% endif %}
{% endfor %}<button>{{ form.label }}</button></form>{% endfor %}"""


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


def refusals(get_response):
    """Let each error of the plugin be answered by its kind."""

    def answered(request):
        return get_response(request)

    answered.process_exception = refused
    return answered


def refused(request, error):
    known = [STATUS[kind] for kind in type(error).__mro__ if kind in STATUS]
    if not isinstance(error, M365Error):
        return None
    return page(request, str(error), status=known[0] if known else 500)


def erp_of(environ):
    # One process serves several databases: what is in front of Django says which.
    return environ["erp"]


def hook(request):
    return erp_of(request.environ).plugins.hook


def who(request, **more):
    return {
        "host": erp_of(request.environ),
        "worker": request.session.get("worker", "nobody"),
        **more,
    }


def page(request, title, *texts, forms=(), status=200):
    shown = {"title": title, "texts": texts, "forms": forms}
    drawn = engines["django"].from_string(PAGE).render(shown, request)
    return HttpResponse(drawn, status=status)


def kind(request):
    return hook(request).salesorder_account_kinds()[0][0]


def account_form(request, action, given, errors=None, **hidden):
    fields = [
        {
            "name": field.name,
            "type": field.widget if field.widget == "checkbox" else "text",
            "value": "on" if field.widget == "checkbox" else given[field.name],
            "ticked": field.widget == "checkbox" and given[field.name],
            "errors": " ".join((errors or {}).get(field.name, ())),
        }
        for field in kind(request).fields
    ]
    hidden = {"request_id": secrets.token_urlsafe(), **hidden}
    fields += [{"name": n, "type": "hidden", "value": v} for n, v in hidden.items()]
    return {"action": action, "label": "Save", "fields": fields}


def log_in(request):
    if request.method == "POST":
        request.session["worker"] = request.POST["worker"]
        return HttpResponseRedirect("/", status=303)
    field = {"name": "worker", "type": "text", "value": ""}
    return page(request, "Log in", forms=[{"label": "Log in", "fields": [field]}])


def home(request):
    return page(request, "Home")


def new(request):
    if request.method == "POST":
        return saved(request, None)
    empty = {field.name: field.default for field in kind(request).fields}
    return page(request, "New", forms=[account_form(request, "/accounts/new", empty)])


def saved(request, account_id):
    posted = request.POST
    ended = hook(request).salesorder_account_save(
        **who(request, account_id=account_id),
        kind="m365",
        values=posted,
        request_id=posted.get("request_id", ""),
    )
    if isinstance(ended, FormErrors):
        form = account_form(
            request, request.path, ended.values, ended.errors, request_id=posted["request_id"]
        )
        return page(request, "Nothing was saved", forms=[form], status=422)
    return HttpResponseRedirect(f"/accounts/{ended.id}", status=303)


def account(request, account_id):
    if request.method == "POST":
        return saved(request, account_id)
    view = hook(request).salesorder_account_view(**who(request, account_id=account_id))
    if view is None:
        raise Http404
    given = {field.name: getattr(view.values, field.name) for field in kind(request).fields}
    forms = [
        {"action": f"/accounts/{account_id}/{button.name}", "label": button.label}
        for button in view.buttons
        if button.enabled and button.name not in {"save", "folders"}
    ]
    version = {"version": view.version, "confirmed": ""}
    forms.append(account_form(request, request.path, given, **version))
    findings = [finding.title for finding in view.report.findings] if view.report else []
    return page(request, view.values.account_name, view.state_label, *findings, forms=forms)


def login(request, account_id):
    ticket = hook(request).salesorder_login_ticket(
        **who(request, account_id=account_id), return_to=f"/accounts/{account_id}", purpose="login"
    )
    return HttpResponseRedirect(ticket, status=303)


def mail_routes(request):
    answer = ROUTES.answer({**request.environ, "erp.session": request.session})
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


ROUTES = create_app(erp_of, lambda environ: environ["erp.session"].get("worker"))


def act(request, account_id, name):
    asked = who(request, account_id=account_id)
    if name == "test":
        hook(request).salesorder_test_connection(**asked, progress=None)
    elif name == "disconnect":
        hook(request).salesorder_disconnect(**asked)
    else:
        hook(request).salesorder_account_delete(**asked)
        return HttpResponseRedirect("/", status=303)
    return HttpResponseRedirect(f"/accounts/{account_id}", status=303)


def folders(request, account_id):
    asked = who(request, account_id=account_id)
    if request.method == "POST":
        mapped = hook(request).salesorder_folder_map(**asked, mapping=request.POST)
        if isinstance(mapped, FormErrors):
            return page(request, "Nothing was saved", status=422)
        return HttpResponseRedirect(f"/accounts/{account_id}", status=303)
    found = hook(request).salesorder_folder_choices(**asked)
    choices = [(each.path, each.full_label) for each in found.folders if each.selectable]
    fields = [
        {"name": str(each.role), "choices": choices, "value": each.mapped} for each in found.roles
    ]
    return page(request, "Folders", forms=[{"label": "Save", "fields": fields}])


def posted_only(view):
    def checked(request, **given):
        return view(request, **given) if request.method == "POST" else HttpResponse(status=405)

    return checked


urlpatterns = [
    path("", home),
    path("login", log_in),
    path("accounts/new", new),
    path("accounts/<account_id>", account),
    path("accounts/<account_id>/login", posted_only(login)),
    path("accounts/<account_id>/folders", folders),
    path("accounts/<account_id>/<name>", posted_only(act)),
    re_path("^mail/m365/", mail_routes),
]


class DjangoHostUnderTest:
    worker, stranger = "boss", "guest"

    def __init__(self, place):
        self.host = Erp(place)
        handler = WSGIHandler()
        self.app = lambda environ, start: handler({**environ, "erp": self.host}, start)

    def log_in(self, browser, worker):
        browser.form("/login", "Log in", {"worker": worker})()

    def account_form(self, browser, values):
        return browser.form("/accounts/new", "Save", values)

    def button(self, browser, account_id, name, values):
        if name == "folders":
            return browser.form(f"/accounts/{account_id}/folders", "Save", values)
        label = {"test": "Test Connection"}.get(name, name.title())
        return browser.form(f"/accounts/{account_id}", label, values)

    def read(self, browser, path):
        return browser.text(path)


host = DjangoHostUnderTest
