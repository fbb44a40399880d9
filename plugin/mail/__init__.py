"""Mail through the account: composing, the outbox, one attempt at a time, look-ups, limits."""
