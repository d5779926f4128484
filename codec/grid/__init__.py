"""What every small family would otherwise repeat: codec, weights file and training of a network on one latent grid.

A family brings a `GridNetwork`, its config, and whatever of `GridRecipe` it does otherwise.
"""
