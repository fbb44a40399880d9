"""Corporate Microsoft 365 mail accounts for a Salesorder-style ERP, as a pluggy plugin."""

__version__ = "0.1.0"
