"""From a memory to token ids."""

from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.search import generate

__all__ = ["GenerationConfig", "generate"]
