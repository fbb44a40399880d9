"""Makes docs/tables.md of the tables: python tests/tools/tables_page.py"""

from pathlib import Path

from salesorder_m365.plugin.store import mail_tables
from salesorder_m365.plugin.store.tables import SEALED
from salesorder_m365.plugin.store.upgrade import CURRENT
from sqlalchemy.dialects import postgresql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"

#: What each table is for, and how long its rows live.
PURPOSES = {
    "m365_account": """\
One row per account: the form as it was saved, and the last report of Test Connection. Deleted with
the account.""",
    "m365_grant": """\
What a sign-in gave: the identity at Microsoft, the tokens, and who is renewing them. Deleted by
Disconnect, by another sign-in and with the account.""",
    "m365_attempt": """\
Sign-ins and consents on their way, for ten minutes. Cleared a day after they ran out.""",
    "m365_ticket": """\
One-shot addresses at which a browser begins a sign-in, for a minute. Deleted when they are opened;
those that ran out are cleared when the next one is given.""",
    "m365_folder": """\
Default Folder Mappings: one row per role. Replaced as a whole; deleted with the account.""",
    "m365_key_check": """\
One row per key of the setting `key_ring`: a known text sealed with it, so that a wrong key is
noticed before anything is read or written.""",
    "m365_event": """\
Audit events. They outlive their accounts and are kept for a year.""",
    "m365_notice": """\
Which alarm was given when, so that one process of many gives it. Forgotten after a year.""",
    "m365_retired": """\
Generic accounts that were replaced: a sealed copy of each one's settings, by which it can be put
back.""",
    "m365_delivery": """\
One row per mail that was queued: from whom, its subject and document, its state and the server's
words. **Personal data.** A row stays, so that a request is never sent twice; `mail forget` empties
old ones.""",
    "m365_recipient": """\
The recipients of each mail, and what became of it at each. **Personal data.**""",
    "m365_body": """\
The mails themselves, sealed in chunks of 256 KiB. **Personal data.** Deleted when a mail is sent
(after `outbox_keep_days`) or cancelled; kept for 30 days when it failed.""",
    "m365_trail": """\
Every step of a mail's way with its time. **Personal data**, as far as servers' words name
recipients.""",
    "m365_mailing": """\
Whether an account's mail may leave, and since when and why not.""",
    "m365_work": """\
What is due for which account, and which process does it.""",
    "m365_submitter": """\
What was handed over lately by each signed-in user: Microsoft's limits are counted here.""",
    "m365_connection": """\
Microsoft's connections of each signed-in user that are in use.""",
}
INTRODUCTION = """\
# Database tables

The plugin keeps its data in tables of its own, in the database of the setting `database_url`. All
names begin with `m365_`, so a PostgreSQL database may be the host's; an SQLite file is the plugin's
own. Other programs may read the tables; only the plugin may write them. Their form may change with
each version: the [hooks](hooks.md) are what stays.

This is schema {revision}. The table `m365_alembic_version` holds the number of the schema that a
database has; [upgrading](upgrading.md) tells how it changes.

**Sealed** columns are encrypted with the key ring (AES-256-GCM) and are of no use without it.
Everything else is as readable as the database is.

This page is made of `plugin/store/tables.py` by `python tests/tools/tables_page.py`.
"""


def page():
    """Return the page's text."""
    sections = (_section(table) for table in mail_tables.metadata.tables.values())
    return "\n".join((INTRODUCTION.format(revision=CURRENT), *sections))


def _section(table):
    lines = [
        f"## `{table.name}`",
        "",
        PURPOSES[table.name],
        "",
        "| column | type | |",
        "|---|---|---|",
        *(f"| `{column.name}` | {_type(column)} | {_notes(column)} |" for column in table.columns),
        "",
    ]
    return "\n".join(lines)


def _type(column):
    kind = str(column.type.compile(dialect=postgresql.dialect())).lower()
    return f"{kind}{'' if column.nullable else ', not null'}"


def _notes(column):
    notes = [
        *(["primary key"] if column.primary_key else []),
        *(["unique"] if column.unique else []),
        *(_reference(key) for key in column.foreign_keys),
        *(["**sealed**"] if column.info.get(SEALED) else []),
    ]
    return ", ".join(notes)


def _reference(key):
    name = key.column.table.name
    return f"of `{name}`, {'deleted with it' if key.ondelete == 'CASCADE' else 'null without it'}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
