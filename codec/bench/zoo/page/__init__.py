"""The sheet as files: index.html, README.md, zoo.json, curves/*.svg, pictures/*.webp."""

from codec.bench.zoo.page.write import write_pages

__all__ = ["write_pages"]
