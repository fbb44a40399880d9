"""The contract with a host: hookspecs, the Host protocol, and thin implementations."""
