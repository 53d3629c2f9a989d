"""What is reported of a session: its claims, its jobs, the plan of a live run; as text, JSON and HTML."""
