"""Messages as IMAP describes them. Parts are ranges of the raw bytes; nothing is re-serialised."""
