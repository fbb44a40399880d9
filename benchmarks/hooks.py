"""B7: what a hook costs over the bare marshmallow load and one SQL statement, on SQLite.

The statement goes to the hook's own database, over an engine of SQLAlchemy as one makes it for
SQLite in WAL mode. Saving a mapping asks the mail server for the folders; the peer does the same.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from salesorder_m365.plugin.store.tables import account, folder
from salesorder_m365.plugin.transport.imap import imap_session
from salesorder_m365.schemas.account import AccountFormSchema, FormErrors
from salesorder_m365.schemas.folders import FolderMappingSchema
from sqlalchemy import Engine, create_engine, event, insert, select, update
from support.erp import FORM, WORKER, Erp

from .filling import account_id as id_of
from .filling import fill, mailbox, new_token, signed_in
from .measure import Action, Row, pairs
from .world import Plan, World

_ACCOUNTS = 1_000
_GOAL = 2.0
#: Seconds; what a turn takes at least.
_TURN = 0.03
_MAPPING = {"inbox": "INBOX", "sent": "Sent Items", "drafts": "Drafts", "trash": "Deleted Items"}
_PEER = "marshmallow load and one statement"


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Give the measurement."""
    erp = world.erp("hooks", **world.mail.places())
    fill(erp, _ACCOUNTS, signed_in(world), token=lambda number: _token(world, number))
    engine = _engine(erp.settings.database_url)
    calls = _calls(erp, Bare(engine))

    def measure() -> Iterator[Row]:
        for name, (ours, peer) in calls.items():
            yield pairs(ours, peer, turns=plan.hook_turns, least=_TURN).row(
                bench="B7", what=f"hook: {name}", peer=_PEER, goal=_GOAL
            )
        ours, peer = _mapping_calls(world, erp, engine)
        yield pairs(ours, peer, turns=plan.hook_turns).row(
            bench="B7", what="hook: map", peer=f"{_PEER}, with the folders", goal=_GOAL
        )

    yield measure
    engine.dispose()


def _token(world: World, number: int) -> str:
    # Signing takes a millisecond, and only the first account goes to the mail server.
    return new_token(world.sim, mailbox(number)) if number == 0 else "A" * 2_000


def _engine(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


@dataclass(frozen=True)
class Bare:
    """The least that a host would do itself."""

    engine: Engine

    def view(self) -> None:
        AccountFormSchema().load(FORM)
        with self.engine.connect() as connection:
            assert connection.execute(select(account).where(account.c.id == id_of(7))).first()

    def change(self, values: Mapping[str, Any]) -> None:
        form = AccountFormSchema().load(dict(values))
        with self.engine.begin() as connection:
            connection.execute(
                update(account)
                .where(account.c.id == id_of(8))
                .values(sender_name=form.sender_name, sender_email=form.sender_email)
            )

    def create(self, values: Mapping[str, Any], number: int) -> None:
        form = AccountFormSchema().load(dict(values))
        with self.engine.begin() as connection:
            connection.execute(
                insert(account).values(
                    id=f"bare:{number}",
                    request_id=f"bare-{number}",
                    name=form.account_name,
                    name_key=form.account_name.casefold(),
                    sender_name=form.sender_name,
                    sender_email=form.sender_email,
                    username=form.username,
                    created_at=datetime.now(UTC),
                    created_by=WORKER,
                )
            )


def _calls(erp: Erp, bare: Bare) -> dict[str, tuple[Action, Action]]:
    numbers = count()

    def change() -> None:
        values = FORM | {"account_name": "Desk 9", "sender_name": f"Desk {next(numbers)}"}
        assert not isinstance(erp.save(id_of(9), **values), FormErrors)

    def create() -> None:
        number = next(numbers)
        view = erp.save(request_id=f"new-{number}", account_name=f"Mine {number}")
        assert not isinstance(view, FormErrors)

    def bare_create() -> None:
        number = next(numbers)
        bare.create(FORM | {"account_name": f"Bare {number}"}, number)

    return {
        "kinds": (erp.hook.salesorder_account_kinds, bare.view),
        "view": (lambda: erp.view(id_of(7)), bare.view),
        "save, changed": (
            change,
            lambda: bare.change(FORM | {"sender_name": f"Desk {next(numbers)}"}),
        ),
        "save, new": (create, bare_create),
    }


def _mapping_calls(world: World, erp: Erp, engine: Engine) -> tuple[Action, Action]:
    address, token = mailbox(0), new_token(world.sim, mailbox(0))

    def ours() -> None:
        assert not isinstance(erp.map(id_of(0), **_MAPPING), FormErrors)

    def bare() -> None:
        chosen = FolderMappingSchema().load(_MAPPING)
        with imap_session(erp.settings, mailbox=address, token=token) as session:
            session.folders()
            validities = session.uid_validities(chosen.values())
        rows = [
            {
                "account_id": f"bare:{datetime.now(UTC).timestamp()}",
                "role": role,
                "path": path,
                "full_label": path,
                "uid_validity": validities[path],
                "chosen_by": WORKER,
                "chosen_at": datetime.now(UTC),
            }
            for role, path in chosen.items()
        ]
        with engine.begin() as connection:
            connection.execute(insert(folder), rows)

    return ours, bare
