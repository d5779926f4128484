"""Archives under fire: what must hold after anything, and the fire. Small in the tests, long with `make chaos`."""
