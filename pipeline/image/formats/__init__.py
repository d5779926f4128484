"""What image files say about themselves before any pixel is decoded.

Pillow decodes the pixels. It does not tell 16-bit PNG samples from 8-bit ones, drops ICC profiles it finds
odd, stumbles over broken metadata and reads past damage in silence, so the containers are walked here first.
"""
