"""A stand-in for Microsoft 365 on loopback: identity provider, IMAP, SMTP and a switchable tenant.

It imports nothing of the plugin, so that neither can hide the other's mistakes.
"""
