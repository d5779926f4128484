"""The archive's own images against what else could have stored them.

methods.py    the ways to store an image, and our own measures
judging.py    which judges are asked
image_set.py  the images judged as one set
run.py        the images that were drawn, measured by a pool of workers
worker.py     one image, read again from its source and stored in every way
cache.py      what was measured, kept in the archive
results.py    sums and means over the images
crops.py      what an image lost, as pictures
"""
