"""Blocks that models are built of. No block knows a model or reads a model's config."""
