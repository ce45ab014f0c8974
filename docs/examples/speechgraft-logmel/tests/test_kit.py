"""Everything that speechgraft promises of an encoder, tried on this one: alone, and with a decoder."""

from __future__ import annotations

from speechgraft.testing import parametrize_with_checks

import speechgraft_logmel


@parametrize_with_checks(speechgraft_logmel.speechgraft_encoders())
def test_kit(speechgraft_check):
    speechgraft_check()
