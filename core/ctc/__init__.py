"""Reading the scores of a CTC model: greedily, by beam search with a language model, with times.

```python
import torch

from speechgraft.ctc import beam_search, greedy, transcript
from speechgraft.text import CTCTokenizer

tokenizer = CTCTokenizer({"<pad>": 0, "|": 1, "A": 2, "B": 3})
logits = torch.randn(2, 50, tokenizer.vocab_size)  # (batch, frames, vocabulary)
for reading in greedy(logits, torch.tensor([50, 30]), blank=tokenizer.pad_token_id):
    heard = transcript(reading, tokenizer.alphabet(), seconds_per_frame=0.02)
    print(heard.text, [(word.text, word.start, word.end) for word in heard.words])
[best, second], _ = beam_search(logits, blank=tokenizer.pad_token_id, width=8, n_best=2)
```
"""

from __future__ import annotations

from speechgraft.ctc.alignment import align
from speechgraft.ctc.arpa import ArpaModel
from speechgraft.ctc.beam import beam_search
from speechgraft.ctc.kenlm import KenLM, load_language_model
from speechgraft.ctc.reading import Reading, greedy
from speechgraft.ctc.transcript import CTCTranscript, Timed, samples_per_frame, transcript
from speechgraft.ctc.words import LanguageModel, WordFusion

__all__ = [
    "ArpaModel",
    "CTCTranscript",
    "KenLM",
    "LanguageModel",
    "Reading",
    "Timed",
    "WordFusion",
    "align",
    "beam_search",
    "greedy",
    "load_language_model",
    "samples_per_frame",
    "transcript",
]
