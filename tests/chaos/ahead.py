"""What verbs import when they are under way: the server of the forks imports it before it forks the first of them."""

from importlib import import_module

for _name in (
    "aiobotocore.session",
    "codec.families.ae_zfp.load",
    "pandas",  # pyarrow looks for it
    "pipeline.encode.worker",
    "s3fs",
):
    import_module(_name)
