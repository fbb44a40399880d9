"""Microsoft's identity platform: what is asked of it, and what its answers mean."""
