"""Which images of an archive look like another one, or show what words say."""
