"""`python -m tenfold`, and the `tenfold` script."""

from __future__ import annotations

from jobs.main import main

if __name__ == "__main__":
    main()
