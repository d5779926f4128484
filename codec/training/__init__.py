"""The project's one trainer: a loop that knows no family, and the recipe that every family brings."""
