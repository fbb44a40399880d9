"""What the scheduler and the administrator run: jobs, health, doctor."""
