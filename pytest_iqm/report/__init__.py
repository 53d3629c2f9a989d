"""What a session reports of its jobs: summary, plan, JSON and HTML."""
