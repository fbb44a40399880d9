"""Every answer that Microsoft is known to give leads to its finding, with the one who must act."""

import pytest
from salesorder_m365.plugin.findings import entra_codes
from salesorder_m365.plugin.findings.catalogue import finding, verdict_of
from salesorder_m365.plugin.findings.entra_codes import entra_code
from salesorder_m365.plugin.findings.mail_replies import imap_code, retry_after, smtp_code
from support.answers import ANSWERS

NUMBERS = [(row, number) for row in ANSWERS["entra"] for number in row["numbers"]]


def check(code, row):
    assert code == row["code"]
    found = finding(code, server_words=row.get("words", ""))
    assert found.code == code
    assert found.actor.value == row["actor"]
    if "verdict" in row:
        assert verdict_of(code) == row["verdict"]
    assert found.steps


@pytest.mark.parametrize("row", ANSWERS["imap"], ids=lambda row: row["words"][:40])
def test_imap_answer(row):
    check(imap_code(row["words"], stage=row["stage"]), row)
    assert retry_after(row["words"]) == row.get("retry_after")


@pytest.mark.parametrize("row", ANSWERS["imap"], ids=lambda row: row["words"][:40])
def test_imap_answer_without_its_first_word(row):
    words = row["words"].removeprefix("* ").partition(" ")[2]
    check(imap_code(words, stage=row["stage"]), row)


@pytest.mark.parametrize("row", ANSWERS["smtp"], ids=lambda row: f"{row['status']} {row['code']}")
def test_smtp_answer(row):
    check(smtp_code(row["status"], row["words"], stage=row["stage"]), row)


@pytest.mark.parametrize("row", ANSWERS["smtp"], ids=lambda row: f"{row['status']} {row['code']}")
def test_smtp_answer_broken_over_lines(row):
    words = row["words"].replace(" ", "\n", 4)
    check(smtp_code(row["status"], words, stage=row["stage"]), row)


@pytest.mark.parametrize(("row", "number"), NUMBERS, ids=[str(number) for _, number in NUMBERS])
def test_entra_answer(row, number):
    check(entra_code(row["error"], [number]), row)


def test_every_number_that_is_told_apart_has_a_row():
    tables = (entra_codes.PERSON, entra_codes.REGISTRATION, entra_codes.PASSING)
    assert {number for table in tables for number in table} == {number for _, number in NUMBERS}
