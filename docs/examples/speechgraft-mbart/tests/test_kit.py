"""Everything that speechgraft promises of a decoder, tried on both of these: alone, and with an encoder."""

from __future__ import annotations

from speechgraft.testing import parametrize_with_checks

import speechgraft_mbart


@parametrize_with_checks(speechgraft_mbart.speechgraft_decoders())
def test_kit(speechgraft_check):
    speechgraft_check()
