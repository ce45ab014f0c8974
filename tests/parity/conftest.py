"""What the parity tests share: their helper modules, one thread, and a quiet yardstick."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Test folders are no packages, so that the helper modules beside this file need a place on the path.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def quiet() -> Iterator[None]:
    """One thread, so that tiny tensors are not slower for being shared out, and no progress bars."""
    import torch
    import transformers

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
    torch.set_num_threads(threads)
