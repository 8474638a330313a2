"""Load: real requests, made from each model's sample, against services that run."""
