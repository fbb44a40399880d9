"""No cell of the list is taken for a formula, whatever somebody called an account."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.schemas.generic import (
    GENERIC_MESSAGES,
    GENERIC_STATE_LABELS,
    GenericAccount,
    GenericCode,
    GenericPlan,
    GenericPlanned,
    GenericState,
)
from salesorder_m365.schemas.generic_csv import COLUMNS, plan_csv
from salesorder_m365.schemas.plain import from_plain, to_plain


def plan_of(**texts):
    generic = GenericAccount(**({"id": "g1", "name": "n", "address": "a@x.test"} | texts))
    line = GenericPlanned(
        generic=generic, state=GenericState.READY, state_label="Can be replaced", suggested=None
    )
    return GenericPlan(accounts=(line,))


def cells(plan):
    return list(csv.reader(plan_csv(plan).splitlines(keepends=True)))[1]


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "\0=1"]


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("column", ["name", "address", "sender_name", "username"])
def test_a_cell_that_looks_like_a_formula_gets_an_apostrophe(column, text):
    row = cells(plan_of(**{column: text}))
    assert f"'{text}".replace("\0", "") in row


def test_other_cells_stay_as_they_are():
    row = cells(plan_of(name='A "quoted", name', used_by=("Invoices", "Orders")))
    assert len(row) == len(COLUMNS)
    assert row[:6] == [
        'A "quoted", name',
        "a@x.test",
        "",
        "",
        "Invoices, Orders",
        "Can be replaced",
    ]


@given(st.text())
def test_no_text_breaks_out_of_its_cell(text):
    row = cells(plan_of(name=text))
    assert len(row) == len(COLUMNS)
    assert row[0].removeprefix("'") in {text.replace("\0", ""), text.replace("\0", "")[1:]}
    assert not row[0].lstrip(" ").startswith(("=", "+", "-", "@"))


def test_a_plan_becomes_plain_json_and_back():
    plan = plan_of(used_by=("Invoices",))
    assert from_plain(GenericPlan, to_plain(plan)) == plan


def test_every_state_has_a_label_and_every_end_a_sentence():
    assert set(GENERIC_STATE_LABELS) == set(GenericState)
    # What is in the way, and what a host's code raised, words itself.
    assert set(GENERIC_MESSAGES) == set(GenericCode) - {GenericCode.CONFLICT, GenericCode.FAILED}
