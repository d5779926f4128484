"""`ae-zfp-1`: a convolutional autoencoder whose latents are coded by ZFP."""
