"""The command ``salesorder-m365``, with which an administrator sets up, checks and mends."""

from .root import main

__all__ = ["main"]
