"""Weights that learn one kind of images: trained on, quantised, proved on images held back, or refused.

settings.py     how long, and how
adapt.py        from a weights file and images to a better weights file for such images
folder.py       what lies on disk meanwhile
watch.py        what it tells whoever watches
quantise.py     adapted weights on a grid around their base
measured.py     real bytes and real pixels of some weights on some images
curves.py       bits at equal quality
verdict.py      whether the better weights are better, and by how much
difference.py   adapted weights as base and difference: a quarter of the bytes
"""
