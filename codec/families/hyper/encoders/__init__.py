"""Smaller encoders of `hyper-1`: latents of the same codec, whose decoder, tables and payloads stay as they are."""
