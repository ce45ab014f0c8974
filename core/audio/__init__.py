"""Audio files in, padded waveforms with their masks out."""

from __future__ import annotations

from speechgraft.audio.extractor import Features, Wav2Vec2FeatureExtractor
from speechgraft.audio.read import AUDIO_SUFFIXES, Audio, AudioSource, read_audio, source_name
from speechgraft.audio.rows import of_row

__all__ = [
    "AUDIO_SUFFIXES",
    "Audio",
    "AudioSource",
    "Features",
    "Wav2Vec2FeatureExtractor",
    "of_row",
    "read_audio",
    "source_name",
]
