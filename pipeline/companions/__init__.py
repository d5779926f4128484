"""Companions of shards, such as previews and labels, are made for the images that should be in them."""
