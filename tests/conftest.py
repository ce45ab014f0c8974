"""What every test shares: one thread a process, so that tests run side by side, and how examples are drawn."""

from __future__ import annotations

import os

import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)

# Building a small model takes longer than hypothesis allows an example by default, on a loaded machine above all.
settings.register_profile("drawn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("drawn"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "drawn")
