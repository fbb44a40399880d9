"""The reference host: a small ERP front that uses nothing but the hooks and what crosses them."""
