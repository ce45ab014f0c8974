"""From a memory to token ids."""

from speechgraft.generation.call import generate
from speechgraft.generation.config import GenerationConfig

__all__ = ["GenerationConfig", "generate"]
