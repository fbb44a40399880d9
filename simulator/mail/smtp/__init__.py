"""SMTP submission (RFC 6409) as Exchange Online offers it."""
