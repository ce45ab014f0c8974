"""Graft a pretrained speech encoder onto a pretrained text decoder."""
