"""Weights that learn one kind of images: trained on, quantised, proved on images held back, or refused.

settings.py     how long, and how
adapt.py        from a weights file and images to a better weights file for such images
measured.py     real bytes and real pixels of some weights on some images
judge.py        whether the better weights are better, and by how much
difference.py   adapted weights as base and difference: a tenth of the bytes
"""
