"""The project's one trainer."""
