"""``python -m iqm_fakes`` is ``iqm-fake``."""

from iqm_fakes.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
