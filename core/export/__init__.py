"""Pairs as programs of their own, for onnxruntime or `torch.export`, and what runs them."""
