"""Training images: from files to crops, from crops to patches; the transform they are fitted with."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.errors import TrainingError
from codec.training.gather import gather
from codec.training.image_crops import Crops, photo_of
from codec.training.image_files import ReadImage, sample, take_turns
from codec.training.karhunen_loeve import fit_transform, patch_grid
from codec.training.local_images import load_crops, load_kinds
from codec.training.patch_source import PatchSource, _Resident
from tests.support.photographs import picture
from tests.support.training_runs import pictures, tiny


@pytest.fixture(scope="module")
def crops() -> Crops:
    return pictures()


def png(height: int, width: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(height, width)).save(buffer, "PNG")
    return buffer.getvalue()


def test_images_come_from_folders_and_tar_packs(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "deep"
    folder.mkdir(parents=True)
    Image.fromarray(picture(80, 90)).save(folder / "one-0.png")
    Image.fromarray(picture(80, 90)).save(folder / "two-0.jpg")
    Image.fromarray(picture(20, 90)).save(folder / "small-0.png")
    (folder / "broken-0.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image either")
    with tarfile.open(tmp_path / "data" / "pack.tar", "w") as pack:
        member = tarfile.TarInfo("three-0.png")
        data = png(70, 70)
        member.size = len(data)
        pack.addfile(member, io.BytesIO(data))
    said: list[str] = []
    config = tiny("hyper-1")
    loaded = load_crops(tmp_path / "data", config, say=said.append)
    assert sorted(photo_of(name) for name in loaded.names) == ["deep/one", "deep/two", "three"]
    assert said[0].startswith("3 crops of 3 images in memory (0.00 GiB); 2 skipped: ")
    assert "1 unreadable (first: deep/broken-0.png)" in said[0]
    assert "1 smaller than 64 pixels (first: deep/small-0.png)" in said[0]
    assert len(load_crops(tmp_path / "data" / "pack.tar", config)) == 1
    with pytest.raises(TrainingError, match=r"at least 256 x 256 pixels .* smaller than 256 pixels"):
        load_crops(folder, tiny("hyper-1", patch=256))
    with pytest.raises(TrainingError, match="nothing is there"):
        load_crops(tmp_path / "nowhere", config)


def test_a_damaged_pack_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "pack.tar"
    with tarfile.open(path, "w") as pack:
        for number in range(3):
            data = png(96, 96)
            member = tarfile.TarInfo(f"{'abc'[number]}.png")
            member.size = len(data)
            pack.addfile(member, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[: 2 * len(png(96, 96))])
    said: list[str] = []
    assert load_crops(path, tiny("hyper-1"), say=said.append).names == ("a.png",)
    assert "1 tar packs damaged" in said[0]


def test_large_images_become_crops_and_memory_has_an_end() -> None:
    config = tiny("hyper-1", data={"crop": 96, "crops_per_image": 3, "max_gib": 0.001})
    found = [ReadImage(name=f"a/{name}.png", content=picture(200, 300)) for name in "abcdefghijklmnopqrstuvw"]
    first, again = (gather(iter(found), config, where="here") for _ in range(2))
    assert first.crops.names[:4] == ("a/a-0.png", "a/a-1.png", "a/a-2.png", "a/b-0.png")
    assert {pixels.shape for pixels in first.crops.pixels} == {(96, 96, 3)}
    assert all(pixels.base is None for pixels in first.crops.pixels)  # the large images are free to go
    assert first.crops.nbytes < 0.001 * 2**30 + 3 * 96 * 96 * 3
    assert str(first).endswith("the rest was left out: data.max_gib of 0.001 is reached")
    for one, other in zip(first.crops.pixels, again.crops.pixels, strict=True):
        assert np.array_equal(one, other)
    assert {photo_of(name) for name in first.crops.names[:3]} == {"a/a"}


def test_no_more_images_than_asked_for() -> None:
    config = tiny("hyper-1", data={"max_images": 2})
    found = (ReadImage(name=name, content=picture(96, 96)) for name in "abc")
    assert gather(found, config, where="here").cut == "data.max_images of 2"


def test_samples_are_even_and_repeatable() -> None:
    chosen, seen = sample(range(10_000), 1_000, seed=3)
    assert seen == 10_000
    assert len(set(chosen)) == 1_000
    assert abs(np.mean(chosen) - 5_000) < 300
    assert sample(range(10_000), 1_000, seed=3)[0] == chosen
    assert sorted(sample(range(5), 10, seed=0)[0]) == [0, 1, 2, 3, 4]


def test_groups_take_turns() -> None:
    groups = [iter("ab"), iter(""), iter("xyz")]
    assert "".join(take_turns(groups)) == "axbyz"


def test_the_split_keeps_photographs_whole(crops: Crops) -> None:
    training, held_back = crops.split(0.25)
    assert len(training) + len(held_back) == len(crops)
    assert not {photo_of(n) for n in training.names} & {photo_of(n) for n in held_back.names}
    with pytest.raises(TrainingError, match="at least two photographs"):
        Crops(names=("a-0.png", "a-1.png"), pixels=crops.pixels[:2]).split(0.5)


def test_numbered_photographs_are_not_taken_for_crops_of_one() -> None:
    assert photo_of("trip/IMG-2031.jpg") == "trip/IMG-2031"
    assert photo_of("trip/IMG-2031-2.jpg") == "trip/IMG-2031"
    assert photo_of("0123abcd-2.avif") == "0123abcd"
    assert photo_of("other/0123abcd-2.avif") != photo_of("0123abcd-2.avif")
    assert photo_of("-1.png") == "-1"


def test_patches_are_the_same_wherever_they_are_cut() -> None:
    sizes = ((96, 112), (64, 64), (130, 70))
    images = tuple(picture(*size, seed) for seed, size in enumerate(sizes))
    crops = Crops(names=("a", "b", "c"), pixels=images)
    on_host, resident = (PatchSource(crops, torch.device("cpu")) for _ in range(2))
    resident._resident = _Resident(crops, torch.device("cpu"))  # as on a GPU
    for seed in range(4):
        drawn = [source.draw(16, 48, np.random.default_rng(seed)) for source in (on_host, resident)]
        assert drawn[0].shape == (16, 3, 48, 48)
        assert drawn[0].is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(*drawn)
        assert 0.0 <= float(drawn[0].min()) <= float(drawn[0].max()) <= 1.0


def test_the_transform_is_orthonormal_and_sorted(crops: Crops) -> None:
    transform = fit_transform(crops, seed=0, sample=100)
    basis = transform.basis_CK
    assert np.allclose(basis @ basis.T, np.eye(768), atol=1e-6)
    energies = np.zeros(768)
    for pixels in crops.pixels:
        energies += np.square(patch_grid(pixels) @ basis.T).sum((0, 1))
    assert energies[:8].min() > energies[100:].max()
    assert 100 <= len(transform.sample_NK) <= 100 + len(crops)


def test_kinds_are_the_folders_of_a_folder(tmp_path: Path) -> None:
    config = tiny("hyper-1", evaluate_crops=1)
    with pytest.raises(TrainingError, match=r"expected a folder of images for every kind in .*, got none"):
        load_kinds(tmp_path, config)
    for kind, names in {"screens": ("a.png", "b.png"), "buildings": ("c.png",)}.items():
        (tmp_path / kind).mkdir()
        for name in names:
            Image.fromarray(picture(96, 112, 1)).save(tmp_path / kind / name)
    assert {kind: len(images) for kind, images in load_kinds(tmp_path, config).items()} == {
        "buildings": 1,
        "screens": 1,
    }
