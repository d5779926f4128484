"""For `serve run tenfold.serve_app:app archive=URL`, under one name in a checkout and in an install."""

from __future__ import annotations

from jobs.serve_app import app

__all__ = ["app"]
