"""HTML pages that need no other file: templates in which all that is put into them is text, and drawings."""
