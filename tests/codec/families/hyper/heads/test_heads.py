"""The head of `hyper-1`: what it reads, and that it sees the same in any company."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import numpy as np
import PIL.Image
import pytest
import torch

from codec.contract import RGB, EncodeOptions
from codec.entropy.tables import laplace_tables
from codec.errors import NoHeadError, WeightsError
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.heads.config import BottleneckShape, LabelsConfig
from codec.families.hyper.heads.evaluate import agreement
from codec.families.hyper.heads.network import LabelNetwork, resized, upright
from codec.families.hyper.heads.packed import packed, unpacked
from codec.families.hyper.heads.weights import HeadConfig, HeadWeights, understand_head
from codec.families.hyper.weights import export, understand
from codec.parts.space_to_channels import from_patches
from codec.weights_file import parse_weights, weights_bytes
from pipeline.image import as_seen
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, busy_model

SHAPE = LabelsConfig(
    channels=16,
    coarse=6,
    side=32,
    stem=4,
    blocks=(
        BottleneckShape(channels_in=4, expanded=4, channels_out=6, side=3, stride=2),
        BottleneckShape(channels_in=6, expanded=12, channels_out=6, side=5),
    ),
    features=8,
    embedding=4,
    classes=3,
)


def head_for(digest: bytes, labels: tuple[str, ...] = ("cat", "dog", "owl")) -> bytes:
    torch.manual_seed(5)
    network = LabelNetwork(SHAPE)
    torch.nn.init.normal_(network.shown, std=0.2)
    config = HeadConfig(payloads_of=digest.hex(), name="tiny", model=SHAPE, labels=labels)
    return weights_bytes(config.model_dump_json(), packed(network.state_dict()))


@pytest.fixture(scope="module")
def codec() -> HyperCodec:
    own = understand(
        parse_weights(export(busy_model(), laplace_tables(), name="tiny", recipe={}), where="a test")
    )
    return HyperCodec(own, heads=[understood(head_for(own.digest))], device=CPU)


def understood(data: bytes) -> HeadWeights:
    return understand_head(parse_weights(data, where="a test"))


def payloads_of(codec: HyperCodec, *images: RGB) -> list[bytes]:
    return [codec.encode([image], EncodeOptions(quality=40))[0].payload for image in images]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("count", "apart"), [(1, 0.0), (2, 1e-6)])
def test_what_is_seen_depends_on_the_image_alone(codec: HyperCodec, count: int, apart: float) -> None:
    torch.set_num_threads(count)
    sizes = ((1, 1), (40, 33), (96, 130), (40, 33))
    payloads = payloads_of(codec, *(picture(height, width) for height, width in sizes))
    together = codec.see(payloads)
    for payload, seen in zip(payloads, together, strict=True):
        (alone,) = codec.see([payload])
        np.testing.assert_allclose(alone.embedding, seen.embedding, rtol=0.0, atol=apart)
        assert seen.embedding.shape == (4,)
        assert seen.scores.sum() == pytest.approx(1.0, abs=1e-5)


def test_of_a_large_picture_no_more_is_read_than_is_looked_at(codec: HyperCodec) -> None:
    network = LabelNetwork(SHAPE)
    assert [network.shrinking(side, 5000) for side in (5, 63, 64, 200, 3000)] == [1, 1, 2, 4, 16]
    assert network.channels_of(63, 99) == 16
    assert network.channels_of(64, 99) == 6
    small, large = payloads_of(codec, picture(40, 40), picture(200, 200))
    with mock.patch.object(codec.reader, "read_first", side_effect=codec.reader.read_first) as read_first:
        codec.see([large, small])
    assert sorted(call.args[1] for call in read_first.call_args_list) == [6, 16]


def test_what_is_looked_at_is_the_linear_picture_made_smaller() -> None:
    network = LabelNetwork(SHAPE)
    torch.nn.init.normal_(network.shown, std=0.1)
    y = torch.randn(1, 6, 4, 5)
    whole = from_patches(torch.einsum("pk,bkhw->bphw", network.shown[:, :6], y), 16)
    half = network.view(y, 64, 74)
    assert half.shape == (1, 3, 32, 37)
    expected = torch.nn.functional.avg_pool2d(whole, 2)[..., :37]
    torch.testing.assert_close(half, expected, rtol=0.0, atol=1e-5)
    assert resized(torch.zeros(1, 3, 1, 9000), 32).shape == (1, 3, 1, 128), "a strip stays small"


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_a_picture_is_looked_at_upright(codec: HyperCodec, orientation: int | None) -> None:
    pixels = picture(40, 33)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    turned = np.asarray(as_seen.upright(PIL.Image.fromarray(pixels), orientation))
    assert np.array_equal(upright(planes, orientation)[0].permute(1, 2, 0).numpy(), turned)
    payloads = payloads_of(codec, pixels)
    seen, as_stored = codec.see(payloads, [orientation])[0], codec.see(payloads)[0]
    assert np.array_equal(seen.embedding, as_stored.embedding) is (orientation in (None, 1))


def test_weights_in_a_byte_are_near_what_they_were() -> None:
    state = LabelNetwork(SHAPE).state_dict()
    state["classify.weight"][1] = 0.0
    state["classify.weight"][2] = torch.linspace(
        -0.007, 0.007, SHAPE.features
    )  # a scale below float16's normal ones
    file = packed(state)
    back = unpacked(file)
    assert back.keys() == state.keys()
    assert file["classify.weight"].dtype == torch.int8
    assert file["blocks.1.1.weight"].dtype == torch.float32, "a depthwise kernel"
    for name, tensor in state.items():
        rows, near = tensor.reshape(len(tensor), -1), back[name].reshape(len(tensor), -1)
        assert ((near - rows).abs() <= rows.abs().amax(1, keepdim=True) / 200.0).all()
    for scale in (torch.ones(()), file["classify.weight.scale"][1:]):
        with pytest.raises(WeightsError, match=r"a scale for each row of classify\.weight"):
            unpacked(file | {"classify.weight.scale": scale})


def test_payloads_of_other_weights_are_refused(codec: HyperCodec) -> None:
    other = HyperCodec(
        understand(
            parse_weights(export(busy_model(4), laplace_tables(), name="tiny", recipe={}), where="a test")
        ),
        heads=[understood(head_for(b"12345678"))],
        device=CPU,
    )
    with pytest.raises(NoHeadError, match=r"that a head reads \(3132333435363738\)"):
        other.see(payloads_of(other, picture(20, 20)))
    with pytest.raises(WeightsError, match="names of 3 classes, got 1"):
        understood(head_for(b"12345678", labels=("cat",)))


def test_agreement_is_one_with_itself() -> None:
    logits = torch.eye(4, 8)
    same = agreement(logits, logits, logits, logits)
    assert (same.top1, same.top5, same.top1_in_5, round(same.cosine, 5)) == (1.0, 1.0, 1.0, 1.0)
    assert agreement(logits, logits.roll(1, 1), logits, -logits).top1 == 0.0
