"""Only what happens with ``--iqm-live``."""
