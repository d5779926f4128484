"""The head's training: it learns of its teacher, reads the codec that its config names, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from codec.entropy.tables import laplace_tables
from codec.families.hyper.heads.weights import understand_head
from codec.families.hyper.weights import export
from codec.perception.inverted_residuals import LITE0, load_classifier
from codec.training.log import LOG_NAME
from codec.training.session import Session
from codec.weights_file import digest_of, read_weights
from tests.support.tiny_hyper import busy_model
from tests.support.training_runs import pictures, tiny, train


def test_a_head_is_trained_on_a_codec_goes_on_and_says_of_whom_it_learned(tmp_path: Path) -> None:
    if (missing := LITE0.weights.missing()) is not None:
        pytest.skip(missing)
    codec = tmp_path / "busy.safetensors"
    codec.write_bytes(export(busy_model(), laplace_tables(), name="busy", recipe={}))
    config = tiny(
        "hyper-1", trains="labels", codec=str(codec), batch=1, steps=2, evaluate_every=2, evaluate_crops=1
    )
    crops, out = pictures(64), tmp_path / "run"
    train(config, lambda: crops, out=out, session=Session(steps=1))
    trained = train(config, lambda: crops, out=out, resume=True)
    file = read_weights(trained.weights)
    stored_config = json.loads(file.config)
    assert (stored_config["role"], stored_config["for"]) == ("head", digest_of(codec.read_bytes()).hex())
    assert stored_config["recipe"]["teacher"].startswith(LITE0.name)
    head = understand_head(file)
    assert len(head.config.labels) == head.network.classify.out_features
    teacher = load_classifier(LITE0)
    torch.testing.assert_close(head.network.classify.weight, teacher.classes_KC, rtol=0.0, atol=0.01)
    rows = [json.loads(line) for line in (out / LOG_NAME).read_text(encoding="utf-8").splitlines()]
    cosines = [row["cosine_q08"] for row in rows if row["kind"] == "evaluate"]
    assert cosines
    assert all(-1.0 <= cosine <= 1.0 for cosine in cosines)
