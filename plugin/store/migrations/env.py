"""Alembic's entry: runs the scripts on the connection that `plugin.store.upgrade` gives."""

from alembic import context

# Absolute, for Alembic loads this file by its path.
from salesorder_m365.plugin.store.tables import metadata

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=metadata,  # for its naming convention
    version_table=config.attributes["version_table"],
    transactional_ddl=True,
)
context.run_migrations()
