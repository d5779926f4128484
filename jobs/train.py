"""`tenfold train`: placeholder"""


def train() -> None:
    """Train."""
