"""Whatever a host passes becomes an answer or one of our errors, before anything is stored."""

import inspect
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from salesorder_m365.hooks import spec
from salesorder_m365.plugin.errors import BadRequestError, M365Error
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from support.erp import BROWSER, FORM, WORKER

#: Arguments with which each hook comes to its end or to one of our errors.
USUAL = {
    "kind": "m365",
    "purpose": "login",
    "ticket": "m365:0",
    "account_id": "m365:0",
    "worker": WORKER,
    "browser": BROWSER,
    "return_to": "/mail/1",
    "request_id": "request-1",
    "values": FORM,
    "query": {"state": "s"},
    "mapping": {},
    "name": "m365:clean",
    "generic_ids": ["g1"],
    "force": False,
    "keep_new": True,
    "progress": None,
    "message": OutgoingMail(to=(Address("buyer@fabrikam.example.com"),), subject="Quote"),
    "wait": 0.0,
    "delivery_id": "m365:mail:0",
    "state": "queued",
    "document": "quote:1",
    "limit": 10,
    "before": "m365:mail:0",
    "decision": "cancel",
    "seconds": 1.0,
    "protocol": "smtp",
    "rejected": None,
    "address": "sales@contoso.test",
}
#: The kind says whose call it is: any text but ours is another plugin's.
OURS_OR_NOT = {"kind"}
HOOKS = {
    name: [p for p in inspect.signature(getattr(spec, name)).parameters if p != "host"]
    for name in dir(spec)
    if name.startswith("salesorder_") and name != "salesorder_event"
}
TEXTS = [
    (hook, argument)
    for hook, arguments in HOOKS.items()
    for argument in arguments
    if isinstance(USUAL[argument], str) and argument not in OURS_OR_NOT
]
BAD = {
    "lone high surrogate": "m365:\ud800",
    "lone low surrogate": "m365:a\udfffb",
    "undecodable byte": b"m365:\xff".decode(errors="surrogateescape"),
    "NUL": "m365:\0",
    "over-long": "m365:" + "x" * 5000,
}


def call(erp, hook, **changed):
    arguments = {name: USUAL[name] for name in HOOKS[hook]} | changed
    return getattr(erp.hook, hook)(host=erp, **arguments)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize(("hook", "argument"), TEXTS)
def test_a_text_that_cannot_be_stored_is_refused_by_name(erp, hook, argument, bad):
    with pytest.raises(BadRequestError) as refused:
        call(erp, hook, **{argument: bad})
    assert argument in str(refused.value)
    assert refused.value.code in {"argument_unusable", "return_to_unusable", "browser_unusable"}
    assert erp.events == []
    refused.value.finding.as_text().encode()


@pytest.mark.parametrize("wrong", [7, b"m365:1", ["m365:1"]], ids=["int", "bytes", "list"])
@pytest.mark.parametrize("argument", ["worker", "browser", "return_to"])
def test_what_is_no_text_is_refused_by_name(erp, argument, wrong):
    with pytest.raises(BadRequestError, match=argument):
        call(erp, "salesorder_login_begin", **{argument: wrong})


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_an_id_of_a_generic_account_is_checked_in_the_list(erp, bad):
    for hook in ("salesorder_generic_accounts_replace", "salesorder_generic_accounts_restore"):
        with pytest.raises(BadRequestError, match="generic_ids"):
            call(erp, hook, generic_ids=["g1", bad])


@pytest.mark.parametrize("empty", ["worker", "request_id"])
def test_an_empty_text_that_binds_something_is_refused(erp, empty):
    with pytest.raises(BadRequestError, match=empty):
        call(erp, "salesorder_account_save", account_id=None, **{empty: ""})


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_state_that_is_not_ours_is_left_to_others(erp, bad):
    assert call(erp, "salesorder_login_callback", query={"state": bad, "code": "c"}) is None


ODD = BAD | {"far too long": "x" * 9000, "no text": ["a", "b"], "empty": ""}


@pytest.mark.parametrize(
    "name", ["code", "error", "error_description", "error_subcode", "iss", "tenant"]
)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_parameters_of_a_callback_end_in_an_outcome(erp, sim, name, odd):
    account_id = erp.save().id
    query = sim.sign_in(erp.begin(account_id).url, "sales@contoso.test")
    del query["code"]
    outcome = erp.finish(query | {name: odd})
    assert outcome.code == "refused"
    outcome.finding.as_text().encode()
    assert erp.view(account_id).state == "draft"


@pytest.mark.parametrize("odd", ["maybe", "", ["True"], "\ud800"], ids=ascii)
def test_an_odd_consent_is_none(erp, sim, odd):
    account_id = erp.save().id
    redirect = erp.hook.salesorder_consent_begin(
        host=erp, account_id=account_id, worker=WORKER, browser=BROWSER, return_to="/mail/1"
    )
    query = sim.sign_in(redirect.url, "admin@contoso.test")
    assert erp.finish(query | {"admin_consent": odd}).code == "refused"


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("field", [*FORM, "not a field"])
def test_an_odd_value_of_the_form_is_an_error_at_its_field(erp, field, bad):
    saved = erp.save(**{field: bad})
    if field == "not a field":
        assert not isinstance(saved, FormErrors)
    else:
        assert saved.errors.keys() == {field}


class QueryDict(dict):
    """A mapping like Django's: a dict of lists inside, whose [] gives the last value."""

    def __init__(self, values):
        super().__init__({name: [value] for name, value in values.items()})

    def __getitem__(self, name):
        return super().__getitem__(name)[-1]

    def items(self):
        return [(name, self[name]) for name in self]


class Items(Mapping):
    """A mapping that is no dict, like Starlette's and Werkzeug's."""

    def __init__(self, values):
        self._values = values

    def __getitem__(self, name):
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)


@pytest.mark.parametrize("kind", [QueryDict, Items])
def test_a_frameworks_own_mapping_serves_in_every_hook(erp, sim, kind):
    saved = call(erp, "salesorder_account_save", account_id=None, values=kind(FORM))
    assert saved.values.account_name == "Sales"
    query = sim.sign_in(erp.begin(saved.id).url, "sales@contoso.test")
    assert call(erp, "salesorder_login_callback", query=kind(query)).code == "connected"
    mapping = kind({"sent": "Sent Items", "csrf": "x"})
    view = call(erp, "salesorder_folder_map", account_id=saved.id, mapping=mapping)
    assert [folder.path for folder in view.folders] == ["Sent Items"]
    gone = kind({"sent": "No such folder"})
    wrong = call(erp, "salesorder_folder_map", account_id=saved.id, mapping=gone)
    assert wrong.values["sent"] == "No such folder"
    unsaved = kind(FORM | {"sender_email": "nobody"})
    wrong = call(erp, "salesorder_account_save", account_id=saved.id, values=unsaved)
    assert wrong.values["sender_email"] == "nobody"


@pytest.mark.parametrize(
    ("hook", "argument"),
    [
        ("salesorder_account_save", "values"),
        ("salesorder_login_callback", "query"),
        ("salesorder_folder_map", "mapping"),
    ],
)
@pytest.mark.parametrize("wrong", [None, [("state", "s")], "state=s"], ids=repr)
def test_what_is_no_mapping_is_refused_by_name(erp, hook, argument, wrong):
    with pytest.raises(BadRequestError, match=argument):
        call(erp, hook, **{argument: wrong})


anything = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Cf"]), max_size=8),
    st.text(max_size=20).map(lambda text: f"m365:{text}"),
    st.none(),
    st.integers(),
    st.binary(max_size=9),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_argument_gives_an_answer_or_an_error_of_ours(erp, data):
    hook, argument = data.draw(st.sampled_from(TEXTS))
    value = data.draw(anything)
    if argument == "account_id" and not isinstance(value, str):
        value = "m365:\ud800"
    if argument == "name" and not isinstance(value, str):
        value = "m365:\0"
    try:
        call(erp, hook, **{argument: value})
    except M365Error as err:
        assert err.finding.steps  # noqa: PT017 - an answer is right as well
