"""Make the golden payloads that are missing; those that are there stay, unless told otherwise."""

from __future__ import annotations

import argparse

import yaml

from codec.registry import codec_ids
from tests.golden import FIRST_CASES, expected_of, write_golden


def main() -> None:
    """Write, and say what was written."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("family", nargs="*", help="ids of families; by default all")
    parser.add_argument(
        "--anew",
        action="store_true",
        help="replace those that are there too: only where old payloads need not decode, as after presets that ship "
        "were trained again",
    )
    parser.add_argument(
        "--prefix", default="", help="write further cases beside those that are there, as for a new format"
    )
    parser.add_argument(
        "--keys",
        type=yaml.safe_load,
        default={},
        help="with a prefix: make those cases with weights of their own, trained with these keys (YAML), as for "
        "another shape of the family's models",
    )
    arguments = parser.parse_args()
    own = {"name": f"{arguments.prefix}weights.safetensors", "keys": arguments.keys} if arguments.keys else {}
    for family in arguments.family or codec_ids():
        first = FIRST_CASES if arguments.prefix or not expected_of(family) else {}
        cases = {f"{arguments.prefix}{name}": quality for name, quality in first.items()}
        written = write_golden(family, cases, anew=arguments.anew, **own)
        print(f"{family}: {', '.join(written) if written else 'nothing is missing'}")


if __name__ == "__main__":
    main()
