"""The policy panel for a person, and the same switches as a JSON API."""
