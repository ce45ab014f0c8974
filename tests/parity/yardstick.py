"""Models of transformers with random weights, ours with the same weights, and how the two are compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from draws import Options, Pair
from families import DECODERS, FAMILIES, DecoderFamily, Family
from hypothesis import settings
from safetensors.torch import load_file
from torch import Tensor, nn

from speechgraft import SpeechEncoderDecoderConfig, SpeechEncoderDecoderModel
from speechgraft.checkpoint import WeightMap, load_into
from speechgraft.contracts import Decoder, Encoder
from speechgraft.registry import DecoderEntry, EncoderEntry, default_catalog

TOLERANCE = 1e-9

NORM = re.compile(r"(norm|\.ln_\w+)\.weight$", re.IGNORECASE)
EMBEDDING = re.compile(r"embeddings|\.w[tp]e\.")
QUERY = re.compile(r"query|q_proj|q_attn|\.attn\.c_attn")
LIES_TRANSPOSED = re.compile(r"\.(c_attn|q_attn|c_proj|c_fc)\.")
"""Roles of parameters, by their published names."""

Test = TypeVar("Test", bound=Callable[..., Any])


def examples(count: int) -> Callable[[Test], Test]:
    """So many drawn examples, however long each takes."""
    return settings(max_examples=count, deadline=None)


def reference_pair(drawn: Pair) -> Any:
    """The yardstick's pair, double, in eval mode."""
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        FAMILIES[drawn.encoder_name].config(**drawn.encoder),
        DECODERS[drawn.decoder_name].config(**drawn.decoder),
        attn_implementation="eager",  # the others give no attentions
        **drawn.options,
    )
    return randomised(transformers.SpeechEncoderDecoderModel(config), drawn.seed)


def reference_encoder(options: Options, seed: int, family: Family = FAMILIES["wav2vec2"]) -> Any:
    """The yardstick's encoder alone."""
    return randomised(family.model(family.config(**options, attn_implementation="eager")), seed)


def reference_decoder(options: Options, seed: int, family: DecoderFamily = DECODERS["bert"]) -> Any:
    """The yardstick's decoder alone, with cross-attention."""
    switches = {"is_decoder": True, "add_cross_attention": True, "attn_implementation": "eager"}
    return randomised(family.model(family.config(**options, **switches)), seed)


@torch.no_grad()
def randomised(model: Any, seed: int) -> Any:
    """Weights that make every path count, instead of first values that are nearly zero.

    Sharp attention and large embeddings give texts that differ from row to row and end at different times.
    """
    model = model.double().eval()
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        if weight.dim() == 1:
            weight.copy_(0.1 * noise + (1.0 if NORM.search(name) else 0.0))
        elif EMBEDDING.search(name):
            weight.copy_(noise)
        else:
            inputs = weight.shape[0] if LIES_TRANSPOSED.search(name) else weight.shape[1:].numel()
            weight.copy_((3.0 if QUERY.search(name) else 1.0) * noise * inputs**-0.5)
    for name, measured in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            measured.copy_(torch.rand(measured.shape, generator=generator) + 0.5)
    return model


def graft(reference: Any, padding: str = "reference") -> SpeechEncoderDecoderModel:
    """Our pair of the same config, with the same weights, in eval mode."""
    config = SpeechEncoderDecoderConfig.from_dict(reference.config.to_dict())
    config.encoder.padding = padding
    with torch.device("meta"):
        model = SpeechEncoderDecoderModel(config)
    report = load_into(model, reference.state_dict(), model.weight_map(), dtype="auto")
    assert set(report.made) <= {"encoder.features.spec_augment.embedding"}
    return model.eval()


def graft_encoder(reference: Any, padding: str = "reference") -> Encoder:
    """Our encoder with the weights of the yardstick's."""
    entry = default_catalog().encoder(reference.config.model_type)
    config = entry.load_adapter().read(reference.config.to_dict())
    config.padding = padding
    return _filled(entry, config, reference)


def graft_decoder(reference: Any) -> Decoder:
    """Our decoder with the weights of the yardstick's."""
    entry = default_catalog().decoder(reference.config.model_type)
    return _filled(entry, entry.load_adapter().read(reference.config.to_dict()), reference)


def _filled(entry: EncoderEntry | DecoderEntry, config: Any, reference: Any) -> Any:
    with torch.device("meta"):
        module = entry.build(config)
    load_into(module, reference.state_dict(), entry.load_weights()(config), dtype="auto")
    return module.eval()


def weights_of(part: Encoder | Decoder) -> WeightMap:
    """The table between a part's names and those on disk."""
    entry = default_catalog().entry("encoder" if isinstance(part, Encoder) else "decoder", part.config.model_type)
    return entry.load_weights()(part.config)


def same(found: Any, expected: Any, what: str) -> None:
    """Two tensors, or equally long tuples of them, agree within 1e-9, of the largest value where that is above 1."""
    if not isinstance(expected, Tensor):
        assert len(found) == len(expected), f"{what}: {len(found)} tensors, expected {len(expected)}"
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{what}[{index}]")
        return
    finite = expected.detach()[expected.isfinite()].abs()
    near = TOLERANCE * max(1.0, float(finite.max()) if finite.numel() else 0.0)
    torch.testing.assert_close(found, expected, atol=near, rtol=0.0, msg=lambda text: f"{what}: {text}")


def same_gradients(model: nn.Module, weights: WeightMap, reference: nn.Module) -> None:
    """Every parameter has the gradient that the yardstick's parameter of the same name on disk has.

    One that took no part has none on one side and zeros on the other; of one with two names on disk the
    yardstick uses the first.
    """
    ours = {name: gradient_of(weight) for name, weight in model.named_parameters()}
    used = {weights.name_on_disk(name) for name in ours}
    found = {name: gradient for name, gradient in weights.to_disk(ours).items() if name in used}
    expected = {name: gradient_of(weight) for name, weight in reference.named_parameters()}
    for name, gradient in found.items():
        if name not in expected:  # the yardstick has none where its config never masks
            assert name.endswith("masked_spec_embed"), name
            assert not gradient.any(), name
            continue
        same(gradient, expected[name], f"gradient of {name}")
    for name in expected.keys() - found.keys():
        assert not expected[name].any(), f"{name} has a gradient, and no parameter here"


def gradient_of(weight: Tensor) -> Tensor:
    """A parameter's gradient, zeros where it took no part."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def same_bits(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], names: Sequence[str] | None = None) -> None:
    """Tensors of the same names are the same, bit for bit."""
    names = sorted(expected) if names is None else names
    for name in names:
        assert found[name].dtype == expected[name].dtype, name
        assert torch.equal(found[name], expected[name]), name


def tensors_in(place: Path) -> dict[str, Tensor]:
    """All that the weight files of a folder hold."""
    tensors: dict[str, Tensor] = {}
    for file in sorted(place.glob("*.safetensors")):
        tensors |= load_file(file)
    return tensors


def prefixed(inputs: Mapping[str, Tensor], prefix: str = "decoder_") -> dict[str, Tensor]:
    """Options of a part as the pair takes them."""
    return {f"{prefix}{name}": value for name, value in inputs.items()}
