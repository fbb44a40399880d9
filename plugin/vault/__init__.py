"""The sealed grants: one valid token for each caller, and key rotation."""
