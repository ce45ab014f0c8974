"""mBART (Liu et al. 2020) and mBART-50 (Tang et al. 2020): the decoder half."""
