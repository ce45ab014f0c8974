"""Training a pair from a manifest of recordings and their words, and measuring what it got right.

Needs the extra `train`: `pip install "speechgraft[train]"`.
"""

from __future__ import annotations

from speechgraft.train.augment import Augment
from speechgraft.train.manifest import Row, read_manifest
from speechgraft.train.options import FitOptions

__all__ = ["Augment", "FitOptions", "Row", "read_manifest"]
