"""Mail servers as Exchange Online offers them: SMTP submission and IMAP."""
