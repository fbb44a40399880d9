"""The faults of the token endpoint, T1 to T10: importing this registers them."""

from . import token_clocks, token_final, token_passing

__all__ = ["token_clocks", "token_final", "token_passing"]
