"""Microsoft's mail servers, spoken to with a token: one module per protocol."""
