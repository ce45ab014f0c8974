"""Plugins with one fault each, by which the compatibility kit proves that its properties find what they are for."""

from __future__ import annotations

from mutants import connectors, decoders, encoders, wiring
from mutants.table import Mutant

MUTANTS: tuple[Mutant, ...] = (*encoders.MUTANTS, *decoders.MUTANTS, *connectors.MUTANTS, *wiring.MUTANTS)
"""Every mutant, by what it is derived from."""
