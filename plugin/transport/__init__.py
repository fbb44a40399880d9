"""Microsoft's mail servers, spoken to with a token: one module per protocol, each of one shape.

A context manager opens a session (name, connection, TLS, sign-in: each entered as a stage). The
session has verbs, each under a deadline and a cap of its own. Whatever goes wrong is a
``MailError`` with its stage. `renewing` replaces a refused token, once.
"""
