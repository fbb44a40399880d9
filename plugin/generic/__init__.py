"""Generic accounts, replaced with a way back."""
