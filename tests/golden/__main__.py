"""Write the golden payloads anew: only after weights or format changed on purpose."""

from tests.golden import FOLDER, regenerate

if __name__ == "__main__":
    regenerate()
    print(f"wrote {FOLDER}")
