"""Audio files in, padded waveforms with their masks out."""

from __future__ import annotations

from speechgraft.audio.extractor import Features, Wav2Vec2FeatureExtractor
from speechgraft.audio.read import AUDIO_SUFFIXES, Audio, AudioSource, read_audio, source_name

__all__ = [
    "AUDIO_SUFFIXES",
    "Audio",
    "AudioSource",
    "Features",
    "Wav2Vec2FeatureExtractor",
    "read_audio",
    "source_name",
]
