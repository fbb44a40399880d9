"""The identity provider: pages for a person's browser and the endpoints that clients call."""
