"""Recordings: jobs on disk, so that what ran on hardware is retrieved and replayed without a network."""
