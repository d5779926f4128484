"""Heads of `hyper-1`: what is to be seen in an image, read from the first of its latents; no picture is decoded."""
