"""At the size of the published base models, in single precision."""

from __future__ import annotations

import pytest
import torch
import transformers
from draws import normal
from families import DECODERS, FAMILIES
from yardstick import graft

from speechgraft.losses import label_lengths
from speechgraft.nn.masks import length_mask

# Each encoder and each decoder once.
PAIRS = [*((name, "bert") for name in FAMILIES), *(("wav2vec2", name) for name in DECODERS if name != "bert")]


@pytest.mark.long
@pytest.mark.parametrize(("encoder", "decoder"), PAIRS, ids=map("-".join, PAIRS))
def test_base_models_agree_in_single_precision(encoder: str, decoder: str) -> None:
    """Both parts as their configs begin (94 M parameters of wav2vec2, 138 M of BERT), two seconds, a padded row."""
    torch.manual_seed(3)
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        FAMILIES[encoder].config(),
        DECODERS[decoder].config(),
        decoder_start_token_id=101,
        pad_token_id=0,
    )
    reference = transformers.SpeechEncoderDecoderModel(config).eval()
    ours = graft(reference)
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}
    values = normal(1, 2, 32000).float()
    lengths = torch.tensor([32000, 20011])
    mask = length_mask(lengths, 32000).long()
    labels = torch.randint(0, 30522, (2, 12))
    labels[1, 7:] = -100
    within = length_mask(label_lengths(labels), 12)
    with torch.no_grad():
        expected = reference(values, attention_mask=mask, labels=labels)
        found = ours(values, attention_mask=mask, labels=labels)
    torch.testing.assert_close(found.logits[within], expected.logits[within], atol=1e-4, rtol=0.0)
    torch.testing.assert_close(found.loss, expected.loss, atol=1e-4, rtol=0.0)
    frames = found.encoder_frame_mask
    torch.testing.assert_close(
        found.encoder_last_hidden_state[frames], expected.encoder_last_hidden_state[frames], atol=1e-4, rtol=0.0
    )
