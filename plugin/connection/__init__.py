"""Test Connection: for one account, and for many."""
