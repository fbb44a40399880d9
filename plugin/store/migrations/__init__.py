"""Alembic's scripts; `plugin.store.upgrade` runs them."""
