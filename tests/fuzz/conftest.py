"""Test folders are no packages, so that the fuzzer beside this file needs a place on the path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
