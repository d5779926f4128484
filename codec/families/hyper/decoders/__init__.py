"""Decoders of `hyper-1` beside the faithful one: other pictures of the same payloads.

kinds.py, weights.py, load.py   those that have weights of their own
consistent.py                   one that needs none: its picture is encoded as the very payload that it came from
hyper_step.py                   what leads latents to the hyper-latents of a payload
"""
