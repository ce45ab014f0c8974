"""What strangers may put into files: seeds that are whole, mutations of them, and a guard around what reads them."""

from fuzzing.cases import KINDS, Case, make
from fuzzing.guard import Verdict, Watch, watched
from fuzzing.pool import Pool
from fuzzing.seeds import SEEDS, plant

__all__ = ["KINDS", "SEEDS", "Case", "Pool", "Verdict", "Watch", "make", "plant", "watched"]
