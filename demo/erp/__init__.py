"""The small ERP behind the pages: its host object, workers, sessions, Generic accounts, tables."""
