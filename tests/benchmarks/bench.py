"""Time speechgraft against transformers on the same weights, in turn, beside what the machine can do.

    python tests/benchmarks/bench.py [--rounds 5] [--tokens 20] [--threads 2]

Each row times both in pairs (ours, theirs, ours, ...) and prints the medians, their ratio (theirs / ours:
above 1, speechgraft is faster), and the roofline: the time that the arithmetic alone, or reading the weights
alone, would take at the speed measured on this machine just before.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

import speechgraft as sg
from speechgraft.contracts import EncoderOutput

RATE = 16_000


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def matrix_speed() -> float:
    """Floating point operations a second of the faster of the two matrix multiplications that torch has here."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    times = [seconds(lambda: a @ b) for _ in range(8)]
    if torch.backends.mkldnn.is_available():
        convolution = torch.nn.Conv1d(2048, 2048, 1)  # oneDNN's matrix multiplication under another name
        x = a[None]
        with torch.no_grad():
            times += [seconds(lambda: convolution(x)) for _ in range(8)]
    return 2 * 2048**3 / min(times)


def memory_speed() -> float:
    """Bytes read a second."""
    block = torch.ones(64 * 2**20)  # 256 MB, far beyond any cache
    return block.nbytes / min(seconds(block.sum) for _ in range(6))


def compare(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], roofline: float, rounds: int) -> None:
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<34}{mine * 1e3:>10.1f}{other * 1e3:>14.1f}{ratio:>9.2f}{roofline * 1e3:>12.1f}", flush=True)


def build(folder: Path) -> tuple[sg.SpeechEncoderDecoderModel, transformers.SpeechEncoderDecoderModel]:
    """A base-size pair with random weights, and the same one loaded by the yardstick's own format."""
    torch.manual_seed(0)
    encoder = transformers.Wav2Vec2Config(mask_time_prob=0.0)
    decoder = transformers.BertConfig()
    config = transformers.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        encoder, decoder, decoder_start_token_id=101, pad_token_id=0
    )
    theirs = transformers.SpeechEncoderDecoderModel(config=config).eval()
    theirs.save_pretrained(folder)
    return sg.SpeechEncoderDecoderModel.from_pretrained(folder), theirs


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.utils.logging.disable_progress_bar()

    operations, bandwidth = matrix_speed(), memory_speed()
    print(f"matrix speed {operations / 1e9:.0f} GFLOP/s, memory speed {bandwidth / 1e9:.1f} GB/s")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = build(Path(folder))
    difference = check_same(ours, theirs)
    print(f"same weights; largest difference of logits {difference:.1e}\n")
    print(f"{'base size, fp32, 10 s of audio':<34}{'ours ms':>10}{'theirs ms':>14}{'ratio':>9}{'roofline ms':>12}")

    for batch in (1, 4):
        x = torch.randn(batch, 10 * RATE)
        mask = torch.ones(batch, 10 * RATE, dtype=torch.long)
        if batch > 1:
            mask[-1, 7 * RATE :] = 0
        with FlopCounterMode(display=False) as counter:
            ours.encoder(x, mask)
        compare(
            f"encoder, batch {batch}" + (" (one row padded)" if batch > 1 else ""),
            lambda x=x, mask=mask: ours.encoder(x, mask),
            lambda x=x, mask=mask: theirs.encoder(x, attention_mask=mask),
            counter.get_total_flops() / operations,
            arguments.rounds,
        )
    weights = sum(parameter.nbytes for parameter in ours.decoder.parameters())
    limit = {"max_new_tokens": arguments.tokens}
    for batch in (1, 8):
        encoded = torch.randn(batch, 499, 768)
        outputs = EncoderOutput(last_hidden_state=encoded)
        reference = transformers.modeling_outputs.BaseModelOutput(last_hidden_state=encoded)
        compare(
            f"greedy, batch {batch}, {arguments.tokens} tokens",
            lambda outputs=outputs: ours.generate(encoder_outputs=outputs, **limit),
            lambda reference=reference: theirs.generate(encoder_outputs=reference, **limit, do_sample=False),
            arguments.tokens * weights / bandwidth,
            arguments.rounds,
        )


def check_same(ours: sg.SpeechEncoderDecoderModel, theirs: transformers.SpeechEncoderDecoderModel) -> float:
    """The largest difference between the logits of the two on one second of noise."""
    x, ids = torch.randn(1, RATE), torch.tensor([[101, 5, 6, 7]])
    mine = ours(input_values=x, decoder_input_ids=ids).logits
    return float((mine - theirs(input_values=x, decoder_input_ids=ids).logits).abs().max())


if __name__ == "__main__":
    main()
