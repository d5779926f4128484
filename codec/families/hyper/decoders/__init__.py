"""Decoders of `hyper-1` beside the faithful one: other pictures of the same payloads, by weights of their own."""
