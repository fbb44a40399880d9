"""IMAP as Exchange Online speaks it, over the raw bytes of the messages (RFC 3501)."""
