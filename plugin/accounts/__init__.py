"""The account form: saved, listed, shown, deleted."""
