"""A page for people, at ``/``: the chips of a server, its jobs as they come, and the faults that are armed."""
