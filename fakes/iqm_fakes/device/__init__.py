"""Devices: the documents that a quantum computer publishes, and what they say of its errors."""
