"""Key rotation: resumable, killed without loss, blind to no damage; and who uses which key.

`pytest tests/plugin/test_rotation.py --kills=100` kills more often.
"""

import base64
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from salesorder_m365.plugin import cli
from salesorder_m365.plugin.entra.tokens import Tokens
from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.plugin.store import attempts, grants, resealing
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.keys import check_keys
from salesorder_m365.plugin.store.sealing import KeyRing, Place
from salesorder_m365.plugin.store.tables import SEALED, account, attempt, grant, metadata
from salesorder_m365.plugin.vault import rotation
from salesorder_m365.schemas.settings import Key
from sqlalchemy import LargeBinary, select

AT = datetime(2026, 1, 2, tzinfo=UTC)
OLD, NEW = Key(id="old", secret=bytes(32)), Key(id="newer", secret=bytes(range(32)))
BEFORE, AFTER, REMOVED = KeyRing((OLD,)), KeyRing((NEW, OLD)), KeyRing((NEW,))


def tokens_of(number):
    return Tokens(
        access_token=f"token {number}", lifetime=100, scopes=("a",), msal_cache=f"cache {number}"
    )


def fill(engine, ring, rows):
    """Store accounts, each with a grant and a sign-in on its way; every third with claims."""
    ids = [f"m365:{number:04}" for number in range(rows)]
    sender = {"sender_name": "S", "sender_email": "s@contoso.test", "username": "s@contoso.test"}
    made = {"created_at": AT, "created_by": "w", **sender}
    with writing(engine) as connection:
        for number, id_ in enumerate(ids):
            connection.execute(
                account.insert().values(
                    id=id_,
                    request_id=id_,
                    name=id_,
                    name_key=id_,
                    **made,
                )
            )
            grants.put_grant(
                connection,
                ring,
                id_,
                tokens_of(number),
                tenant_id="t",
                object_id="o",
                username="s@contoso.test",
                granted_at=AT,
            )
            state_hash = attempts.digest(id_)
            flow = ring.seal(f"flow {number}".encode(), attempts.flow_place(state_hash))
            if number % 3 == 0:
                claims = ring.seal(b"claims", Place("m365_grant", id_, "claims"))
                connection.execute(
                    grant.update().where(grant.c.account_id == id_).values(claims=claims)
                )
            connection.execute(
                attempt.insert().values(
                    state_hash=state_hash,
                    purpose="login",
                    account_id=id_,
                    worker="w",
                    browser_hash="b",
                    authority="https://login.example.com",
                    return_to="/",
                    username="s@contoso.test",
                    flow=flow,
                    expires_at=AT,
                )
            )
    return ids


@pytest.fixture
def store(tmp_path):
    """Give a function that fills a database with `rows` accounts under the old key."""
    url = f"sqlite:///{tmp_path}/accounts.db"

    def filled(rows):
        engine = engine_for("contoso", url)
        check_keys(engine, AFTER)
        return SimpleNamespace(url=url, engine=engine, ids=fill(engine, BEFORE, rows))

    yield filled
    dispose_engines()


def unreadable(engine, ring):
    """Return what does not open, or not to what was sealed."""
    wrong = []
    with reading(engine) as connection:
        for row in connection.execute(select(grant)).mappings():
            number = int(row["account_id"].removeprefix("m365:"))
            read = grants.GrantRow(**row, read_at=0)
            opened = (read.open_token(ring), read.open_cache(ring), read.open_claims(ring))
            claims = None if number % 3 else "claims"
            if opened != (f"token {number}", f"cache {number}", claims):
                wrong.append(row["account_id"])
        for row in connection.execute(select(attempt)).mappings():
            flow = attempts.Attempt(**row).open_flow(ring)
            number = int(row["account_id"].removeprefix("m365:"))
            if flow != f"flow {number}".encode():
                wrong.append(row["state_hash"])
    return wrong


def test_every_sealed_column_is_marked():
    binary = {
        str(column)
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    marked = {str(c) for table in metadata.sorted_tables for c in table.c if c.info.get(SEALED)}
    # The check value of a key is sealed by that key for ever.
    assert binary - marked == {"m365_key_check.sealed"}


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_everything_is_sealed_with_the_newest_key(store, batch):
    at = store(20)
    steps = []
    done = rotation.rotate(at.engine, AFTER, batch=batch, progress=steps.append)
    assert done == rotation.Rotated(resealed=40, remaining=0, unreadable=())
    assert sum(steps) == 40
    assert unreadable(at.engine, REMOVED) == []
    assert rotation.rotate(at.engine, AFTER).resealed == 0


def test_a_row_that_a_refresh_changes_meanwhile_is_left_to_the_next_pass(store, monkeypatch):
    at = store(3)
    write, changed = resealing.replace_values, []

    def late(connection, sheet, row, new):
        if row.id == "m365:0001" and not changed:
            changed.append(row.id)
            # What another worker, with the old ring still, had written in the meantime.
            renewed = BEFORE.seal(b"token 1", Place("m365_grant", row.id, "access_token"))
            statement = grant.update().where(grant.c.account_id == row.id)
            connection.execute(statement.values(access_token=renewed))
            assert not write(connection, sheet, row, new)
            return False
        return write(connection, sheet, row, new)

    monkeypatch.setattr(resealing, "replace_values", late)
    done = rotation.rotate(at.engine, AFTER)
    assert changed
    assert (done.resealed, done.remaining) == (6, 0)
    assert unreadable(at.engine, REMOVED) == []


def test_a_row_that_always_changes_is_told_as_remaining(store, monkeypatch):
    at = store(3)
    monkeypatch.setattr(resealing, "replace_values", lambda *_: False)
    assert rotation.rotate(at.engine, AFTER) == rotation.Rotated(
        resealed=0, remaining=6, unreadable=()
    )


# Damage ----------------------------------------------------------------------------------------


def swapped(value, _rng, other):
    return other


def flipped(value, rng, _):
    place = rng.randrange(len(value) * 8)
    damaged = bytearray(value)
    damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def truncated(value, rng, _):
    return value[: rng.randrange(len(value))]


def wrong_key(value, _rng, _other):
    return value


@pytest.mark.parametrize("damage", [swapped, flipped, truncated, wrong_key])
def test_of_250_damaged_values_none_is_accepted(store, damage):
    at, rng = store(250), random.Random(7)
    ring = KeyRing((Key(id="old", secret=b"x" * 32),)) if damage is wrong_key else BEFORE
    with writing(at.engine) as connection:
        rows = list(connection.execute(select(grant)).mappings())
        for row, other in zip(rows, [*rows[1:], rows[0]], strict=True):
            column = rng.choice(["access_token", "msal_cache"])
            value = damage(row[column], rng, other[column])
            connection.execute(
                grant.update()
                .where(grant.c.account_id == row["account_id"])
                .values({column: value})
            )
    accepted = []
    with reading(at.engine) as connection:
        for id_ in at.ids:
            row = grants.read_grant(connection, id_)
            try:
                accepted.append((id_, row.open_token(ring), row.open_cache(ring)))
            except SealError:
                continue
    assert accepted == []


def test_what_does_not_open_is_told_and_left_as_it_is(store):
    at = store(4)
    cut, foreign = at.ids[1], at.ids[2]
    stranger = KeyRing((Key(id="stranger", secret=b"x" * 32),))
    place = Place("m365_grant", foreign, "access_token")
    with writing(at.engine) as connection:
        for id_, value in ((cut, b"\x01\x03old"), (foreign, stranger.seal(b"x", place))):
            connection.execute(
                grant.update().where(grant.c.account_id == id_).values(access_token=value)
            )

    def stored():
        with reading(at.engine) as connection:
            query = select(grant).where(grant.c.account_id.in_([cut, foreign]))
            return connection.execute(query.order_by(grant.c.account_id)).all()

    before = stored()
    done = rotation.rotate(at.engine, AFTER)
    assert (done.resealed, done.remaining) == (6, 2)
    assert [row.split(":")[0] + ":" + row.split(":")[1] for row in done.unreadable] == [
        f"m365_grant {cut}",
        f"m365_grant {foreign}",
    ]
    assert "Key stranger is not in the key ring" in done.unreadable[1]
    assert stored() == before


# Kills -----------------------------------------------------------------------------------------

RING_TEXT = {key.id: f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in (OLD, NEW)}
#: Rotates as the command does, in small batches; says when it begins.
ROTATOR = """
import sys
from salesorder_m365.plugin.vault.rotation import rotate
from salesorder_m365.plugin.store.engines import engine_for
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.schemas.settings import Key
import base64
url, *pairs = sys.argv[1:]
keys = (pair.partition(":") for pair in pairs)
ring = KeyRing(tuple(Key(id=id_, secret=base64.b64decode(text)) for id_, _, text in keys))
engine = engine_for("contoso", url)
print("go", flush=True)
rotate(engine, ring, batch=20)
"""


def start(url, *newest_first):
    pairs = [RING_TEXT[key.id] for key in newest_first]
    process = subprocess.Popen(
        [sys.executable, "-c", ROTATOR, url, *pairs], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "go\n"
    return process


@pytest.mark.timeout(900)
def test_killed_at_any_moment_no_row_is_unreadable_and_the_next_run_finishes(store, request):
    at, rng = store(1000), random.Random(11)
    kills = request.config.getoption("--kills", 10)
    newest, other = NEW, OLD
    began = time.monotonic()
    with start(at.url, newest, other) as process:
        assert process.wait(120) == 0
    whole, interrupted = time.monotonic() - began, 0
    assert rotation.remaining(at.engine, AFTER) == 0
    for _ in range(kills):
        ring = KeyRing((newest, other))
        if rotation.remaining(at.engine, ring) == 0:
            newest, other = other, newest  # all is done: the other way round
            ring = KeyRing((newest, other))
        with start(at.url, newest, other) as process:
            time.sleep(rng.uniform(0, whole / 2))
            process.kill()
        assert unreadable(at.engine, ring) == []
        interrupted += 0 < rotation.remaining(at.engine, ring) < 2000
    assert interrupted > 0, "no kill fell into a rotation"
    done = rotation.rotate(at.engine, KeyRing((newest, other)))
    assert (done.remaining, done.unreadable) == (0, ())
    assert unreadable(at.engine, KeyRing((newest,))) == []


# Commands --------------------------------------------------------------------------------------


@pytest.fixture
def run(store):
    """Run ``salesorder-m365 keys …`` with these keys, newest first."""
    at = store(3)

    def run(command, *keys):
        settings = {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": "1",
            "base_url": "https://erp.example.com",
            "database_url": at.url,
            "key_ring": " ".join(RING_TEXT[key.id] for key in keys),
        }
        env = {PREFIX + name.upper(): value for name, value in settings.items()}
        result = CliRunner().invoke(cli.main, ["keys", command], env=env)
        assert "Traceback" not in result.output
        return result

    return run


def lines(result):
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_the_commands_from_one_key_to_the_next(run):
    assert lines(run("check", NEW, OLD)) == [
        "newer 0 values newest: seals what is stored from now on",
        "old 10 values in use: salesorder-m365 keys rotate",
    ]
    rotated = run("rotate", NEW, OLD)
    assert (rotated.exit_code, lines(rotated)[-1]) == (
        0,
        "6 rows sealed with newer, 0 remain.",
    )
    assert lines(run("check", NEW, OLD)) == [
        "newer 10 values newest: seals what is stored from now on",
        "old 0 values unused: may be taken out",
    ]
    assert run("check", NEW).exit_code == 0


def test_a_missing_key_is_told_by_check_and_rotate(run):
    check = run("check", NEW)
    assert check.exit_code == 1
    assert "MISSING" in lines(check)[1]
    rotated = run("rotate", NEW)
    assert rotated.exit_code == 1
    assert "6 remain" in rotated.stdout
    assert rotated.stderr.count("Key old is not in the key ring") == 6


def test_a_damaged_beginning_is_counted_apart(run, store, tmp_path):
    engine = engine_for("contoso", f"sqlite:///{tmp_path}/accounts.db")
    with writing(engine) as connection:
        connection.execute(
            grant.update().where(grant.c.account_id == "m365:0001").values(access_token=b"\x07")
        )
    check = run("check", NEW, OLD)
    assert check.exit_code == 1
    assert lines(check)[-1].startswith("? 1 values not readable")
