"""The encoders and decoders that ship with speechgraft, one package a model family."""
