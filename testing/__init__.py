"""A kit for authors of hosts: fixtures for pytest, and a suite that a host passes or fails.

pytest loads `plugin` by its entry point; nothing else is imported before a test asks for it.
"""
