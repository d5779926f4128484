"""What `tenfold codecs` lists, and what an experimental codec is called elsewhere."""

from __future__ import annotations

from codec.contract import DEFAULT_CODEC
from codec.preset import read_preset
from codec.registry import codec_ids, families, family_of, presets
from jobs.terminal.progress_words import line_of_experimental
from pipeline.events import CodecLoaded
from tests.support.road import tenfold


def test_every_family_and_preset_is_listed() -> None:
    said = tenfold("codecs").out
    listed = tenfold("codecs", "--json").json()
    assert [one["id"] for one in listed] == codec_ids()
    assert [one["id"] for one in listed if one["default"]] == [DEFAULT_CODEC]
    for one in listed:
        family = family_of(one["id"])
        assert tuple(preset["name"] for preset in one["presets"]) == presets(family.id)
        assert one["experimental"] == family.experimental == (f"\n{family.id} (experimental: " in said)
        assert f"  {one['summary']}\n  Source: {one['source']}\n  Licence: {one['licence']}" in said
    assert "\n  Takes: --effort, --importance\n" in said
    assert "\n    small     " in said


def test_what_a_record_tells_of_its_training() -> None:
    small = read_preset(family_of("hyper-1"), "small")
    assert (small.steps, small.minutes) == (79_767, None)
    assert [(one.label, one.bpp) for one in small.reached][::6] == [("q04", 0.14628), ("q63", 3.00222)]
    assert read_preset(family_of("recurrent-1"), "small").steps == 4_000
    assert read_preset(family_of("ae-zfp-1"), "13x").minutes == 6.4
    sketch = read_preset(family_of("sketch-1"), "small")
    assert (sketch.steps, sketch.minutes) == (13_086, 82.6)  # in four parts, the last of 17
    preserving = read_preset(family_of("classic-1"), "digits-preserving")
    assert (preserving.steps, preserving.reached_at, preserving.generates) == (3_000, 3_000, True)
    assert not small.generates
    (only,) = read_preset(family_of("ae-zfp-1"), "10x").reached
    assert (only.label, only.bpp) == ("10x", 2.3864)


def test_presets_are_in_the_order_of_their_numbers() -> None:
    names = presets("ae-zfp-1")
    assert list(names) == sorted(names, key=lambda name: int(name.removesuffix("x")))


def test_no_list_offers_an_experimental_codec() -> None:
    experimental = [family.id for family in families().values() if family.experimental]
    shown = tenfold("compress", "--help").out + tenfold("compress", "a", "b", "--codec", "none").err
    assert "tenfold codecs" in shown
    assert [name for name in experimental if name in shown] == []
    assert "a later release may not decode" in line_of_experimental(CodecLoaded(codec="classic-1"))
