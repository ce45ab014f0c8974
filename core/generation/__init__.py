"""From a memory to token ids."""

from speechgraft.generation.call import generate
from speechgraft.generation.config import GenerationConfig
from speechgraft.generation.fusion import Fusion, LanguageModelFusion
from speechgraft.generation.output import GenerateOutput
from speechgraft.generation.rules import Rule
from speechgraft.generation.sampling import Watch
from speechgraft.generation.stopping import Criterion

__all__ = [
    "Criterion",
    "Fusion",
    "GenerateOutput",
    "GenerationConfig",
    "LanguageModelFusion",
    "Rule",
    "Watch",
    "generate",
]
