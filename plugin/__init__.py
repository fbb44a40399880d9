"""The work: sign-in, vault, connections, diagnosis. Knows neither pluggy nor a web framework."""
