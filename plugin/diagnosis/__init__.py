"""What is wrong and what helps: classify answers, look texts up, and probe a connection."""
