"""Blocks of speech encoders: from samples to frames, and along the frames."""
