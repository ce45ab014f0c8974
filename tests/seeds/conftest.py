"""The helper modules beside this file need a place on the path: test folders are no packages."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
