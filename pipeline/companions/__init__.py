"""What is made beside shards for images that are wanting it: previews, labels."""
