"""A fake IQM Server: what it publishes, its jobs and their queue, and what executes them; no HTTP."""
