"""The tenant Contoso: people, mailboxes, consents, and the policies of its administrators."""
