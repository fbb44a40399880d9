"""The pages of the reference host: they show what the hooks give, and decide nothing."""
