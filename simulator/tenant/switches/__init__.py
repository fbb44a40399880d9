"""The switches of the tenant, a module for each group; each with its words and their source."""
