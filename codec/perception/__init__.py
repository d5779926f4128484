"""Networks that others trained to see, as plain modules that keep gradients: for judges, and for losses.

packaged.py              weights that lie in packages of others: found and checked
array_pickle.py          a pickle that holds arrays, read without running anything
frozen_conv.py           a convolution whose weights stay as they are
alexnet.py, vgg16.py     features of classifiers
lpips.py                 LPIPS
dists.py                 DISTS
inverted_residuals.py    EfficientNet-Lite0 and MobileNetV2

Shape legend: x_BCHW RGB in [0, 1]; B batch, C channels, H, W height and width.
"""
