"""Audio and text to what models take, and back: extractor and tokenizer of a checkpoint, together and by themselves."""

from __future__ import annotations

from speechgraft.processing.auto import AutoFeatureExtractor, AutoProcessor, AutoTokenizer
from speechgraft.processing.processor import Wav2Vec2Processor

__all__ = ["AutoFeatureExtractor", "AutoProcessor", "AutoTokenizer", "Wav2Vec2Processor"]
