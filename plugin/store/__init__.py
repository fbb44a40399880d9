"""Where accounts and grants lie: tables, sealing, engines, migrations. Rules are the callers'."""
