"""Where Ray's workers look for this code."""

from __future__ import annotations

from ray.job_config import JobConfig

from pipeline.own_code import FOLDER, IS_INSTALLED


def job_config() -> JobConfig:
    """A job whose workers import what the driver imported.

    Left alone, Ray has them look first in the folder that the driver runs in: there may be another package called
    `pipeline`, or, beside an install, a checkout with a `tenfold` that has no rooms in it.
    """
    config = JobConfig(_py_driver_sys_path=[] if IS_INSTALLED else [str(FOLDER)])
    config._runtime_env_has_working_dir = lambda: True  # all that Ray asks before it adds the current folder
    return config
