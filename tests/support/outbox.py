"""An outbox turned by hand: let time pass, back its tables up, restore and copy them."""

from salesorder_m365.plugin.store import outbox
from salesorder_m365.plugin.store.engines import reading, writing
from salesorder_m365.plugin.store.mail_tables import delivery, mailing, metadata


def clock(engine):
    """Return the database's time."""
    with reading(engine) as connection:
        return outbox.clock(connection)


def release(engine):
    """Let the waits be over."""
    with writing(engine) as connection:
        connection.execute(delivery.update().values(not_before=0))


def open_paused(engine):
    """Let the pauses be over."""
    with writing(engine) as connection:
        connection.execute(mailing.update().values(paused_until=0))


def age(engine, seconds):
    """Let everything have happened so many seconds earlier."""
    with writing(engine) as connection:
        for column in ("handed_at", "not_before", "queued_at"):
            changed = {column: delivery.c[column] - seconds}
            connection.execute(delivery.update().values(changed))


def backed_up(engine):
    """Return all rows of all tables."""
    with reading(engine) as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(table.select())]
            for table in metadata.sorted_tables
        }


def restored(engine, rows):
    """Put the database back to what it was."""
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        for table in metadata.sorted_tables:
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])


def emptied(sim, mailbox="sales@contoso.test", path="Sent Items"):
    """Remove a folder's messages for good, as a person can."""

    async def remove():
        folder = sim.tenant.mailboxes[mailbox].find(path)
        folder.remove(list(folder.messages))

    sim.tenant.loop.run(remove())
