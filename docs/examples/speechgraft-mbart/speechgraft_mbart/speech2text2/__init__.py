"""Speech2Text2 (Wang et al. 2021): the decoder that translated what wav2vec 2.0 heard."""
