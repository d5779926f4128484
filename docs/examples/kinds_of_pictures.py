"""Which kind of picture is it? The same question to the original files, to decoded pixels and to latents alone.

    python docs/examples/kinds_of_pictures.py PICTURES WORK

PICTURES holds a folder for each kind, with at least three pictures in it. They are cut into crops, the crops are
compressed into WORK/archive, and a small network learns from two thirds of the pictures; it is asked about crops of the
others, which it has seen nothing of. Each third is held apart once. It takes some minutes of a core, and writes
WORK/table.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tenfold import Archive, ArchiveDataset

SIDE = 128
STEP = 64
CROPS = 16
"""Of a picture, at most."""
FOLDS = 3
EPOCHS = 16
BATCH = 32


@dataclass(frozen=True)
class Source:
    """One way in."""

    name: str
    open: Callable[[Sequence[str]], Dataset]
    """A dataset of some crops, whose items are (tensor, key)."""
    bytes_of: Callable[[Sequence[str]], int]
    """What of these crops is read."""
    network: Callable[[Tensor, int], nn.Module]
    """From a batch, and how many kinds there are."""


def main() -> None:
    """Cut, compress, learn, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("work", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    crops, archive = arguments.work / "crops", arguments.work / "archive"
    if not archive.exists():
        cut(arguments.pictures, crops)
        command = [sys.executable, "-m", "tenfold", "compress", str(crops), str(archive), "--workers", "0"]
        subprocess.run(command, check=True)
    keys = Archive(str(archive)).table(["key"], where="status = 'coded'")["key"].to_pylist()
    print(f"{len(keys)} crops have latents, and serve all; the others are smaller without loss.")
    lines = [
        "| learns from | right, held apart | bytes a crop | read and decoded, crops/s | learnt, crops/s |"
    ]
    lines.append("|---|---|---|---|---|")
    for source in sources(crops, str(archive)):
        lines.append(row_of(source, keys))
        print(lines[-1], flush=True)
    (arguments.work / "table.md").write_text("\n".join(lines) + "\n")


def cut(pictures: Path, crops: Path) -> None:
    """Crops of every picture, as PNG: KIND/PICTURE-NUMBER.png."""
    chance = np.random.default_rng(0)
    for path in sorted(pictures.glob("*/*.*")):
        picture = Image.open(path).convert("RGB")
        corners = [
            (left, top)
            for left in range(0, picture.width - SIDE + 1, STEP)
            for top in range(0, picture.height - SIDE + 1, STEP)
        ]
        folder = crops / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for number, at in enumerate(chance.permutation(len(corners))[:CROPS]):
            left, top = corners[at]
            crop = picture.crop((left, top, left + SIDE, top + SIDE))
            crop.save(folder / f"{path.stem}-{number:02d}.png")


def sources(crops: Path, archive: str) -> list[Source]:
    """All ways in."""
    lengths = Archive(archive).table(["key", "payload_length"])
    stored = dict(zip(*(lengths[name].to_pylist() for name in lengths.schema.names), strict=True))

    def of_files(keys: Sequence[str]) -> int:
        return sum((crops / key).stat().st_size for key in keys)

    def of_payloads(keys: Sequence[str]) -> int:
        return sum(stored[key] for key in keys)

    def archived(**form: bool | int) -> Callable[[Sequence[str]], Dataset]:
        return lambda keys: ArchiveDataset(archive, keys=keys, transform=with_key, **form)

    return [
        Source("the original files", lambda keys: Files(crops, keys), of_files, on_pixels),
        Source("decoded pixels", archived(), of_payloads, on_pixels),
        Source("all latents", archived(latents=True), of_payloads, on_latents),
        Source("the first 64 channels of latents", archived(latents=64), of_payloads, on_latents),
    ]


class Files(Dataset):
    """The crops as they were."""

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        """Take the folder, and names in it."""
        self._folder, self._keys = folder, keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> tuple[Tensor, str]:
        pixels = np.array(Image.open(self._folder / self._keys[number]))
        return torch.from_numpy(pixels).permute(2, 0, 1), self._keys[number]


def with_key(item: dict) -> tuple[Tensor, str]:
    """What is learnt from, and the name that says its kind."""
    return item["image" if "image" in item else "latents"], item["key"]


def on_pixels(some: Tensor, kinds: int) -> nn.Module:
    """Four convolutions, from 128 to 4 positions a side: as many multiplications as for latents."""
    some = some.float()
    layers: list[nn.Module] = [Scaled(some.mean(), some.std())]
    for before, after, taps, stride in ((3, 16, 7, 4), (16, 32, 3, 2), (32, 64, 3, 2), (64, 96, 3, 2)):
        layers += [nn.Conv2d(before, after, taps, stride, taps // 2), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, *answer(96, kinds))


def on_latents(some: Tensor, kinds: int) -> nn.Module:
    """Two convolutions: there are 8 positions a side already."""
    each = some.transpose(0, 1).flatten(1)
    scaled = Scaled(each.mean(1)[:, None, None], each.std(1)[:, None, None])
    first = [nn.Conv2d(some.shape[1], 64, 1), nn.BatchNorm2d(64), nn.ReLU()]
    second = [nn.Conv2d(64, 96, 3, padding=1), nn.BatchNorm2d(96), nn.ReLU()]
    return nn.Sequential(scaled, *first, *second, *answer(96, kinds))


def answer(width: int, kinds: int) -> list[nn.Module]:
    """From what was seen anywhere in the crop to its kind."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, kinds)]


class Scaled(nn.Module):
    """Values around 0, of about 1."""

    def __init__(self, middle: Tensor, spread: Tensor) -> None:
        """Take what they are around, and how far from it."""
        super().__init__()
        self.register_buffer("middle", middle)
        self.register_buffer("spread", spread + 1e-3)

    def forward(self, values: Tensor) -> Tensor:
        """Any float or uint8."""
        return ((values.float() - self.middle) / self.spread).clamp(-8, 8)


def row_of(source: Source, keys: Sequence[str]) -> str:
    """What came of one way in: a row of the table."""
    begun = time.process_time()
    values, kinds, names = loaded(source.open(keys), keys)
    reading_s = time.process_time() - begun
    rates, right = [], []
    for fold in range(FOLDS):
        apart = torch.tensor([picture_number(key, keys) % FOLDS == fold for key in keys])
        torch.manual_seed(fold)
        network = source.network(values[~apart], len(names))
        begun = time.process_time()
        learn(network, values[~apart], kinds[~apart])
        rates.append(EPOCHS * int((~apart).sum()) / (time.process_time() - begun))
        network.eval()
        with torch.inference_mode():
            said = torch.cat([network(part).argmax(1) for part in values[apart].split(BATCH)])
        right.append((said == kinds[apart]).float().mean().item())
    folds = " / ".join(f"{share:.1%}" for share in right)
    size = source.bytes_of(keys) / len(keys)
    return (
        f"| {source.name} | {mean(right):.1%} ({folds}) | {size:,.0f} | {len(keys) / reading_s:.0f} | "
        f"{mean(rates):.0f} |"
    )


def loaded(dataset: Dataset, keys: Sequence[str]) -> tuple[Tensor, Tensor, list[str]]:
    """All of a dataset, read once, and the kinds by number."""
    names = sorted({key.split("/")[0] for key in keys})
    batches = [batch[0] for batch in DataLoader(dataset, batch_size=BATCH)]
    return torch.cat(batches), torch.tensor([names.index(key.split("/")[0]) for key in keys]), names


def picture_number(key: str, keys: Sequence[str]) -> int:
    """Of the picture that a crop is of, among those of its kind."""
    kind = key.split("/")[0]
    pictures = sorted({other.rsplit("-", 1)[0] for other in keys if other.startswith(f"{kind}/")})
    return pictures.index(key.rsplit("-", 1)[0])


def learn(network: nn.Module, values: Tensor, kinds: Tensor) -> None:
    """Adam, its rate along a cosine; each kind counts the same."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    steps = EPOCHS * -(-len(values) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    weights = 1.0 / torch.bincount(kinds).float()
    for _ in range(EPOCHS):
        for some in torch.randperm(len(values)).split(BATCH):
            loss = nn.functional.cross_entropy(network(values[some]), kinds[some], weight=weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


if __name__ == "__main__":
    main()
