"""Labels and embeddings for the images of an archive, beside its shards."""
