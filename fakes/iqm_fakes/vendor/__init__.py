"""All that is known of the vendor's packages: names and places by version, calls of its client, quicker imports."""
