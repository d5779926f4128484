"""What can go wrong inside the codec.

CodecError
├── UnknownCodecError   no codec has that id
├── WeightsError        weights missing, damaged or made for something else
├── BitstreamError      a payload that is truncated, damaged or of another format
├── ConfigError         a configuration that names or combines things wrongly
└── TrainingError       training data or checkpoint unusable
"""


class CodecError(Exception):
    """Base of every error the codec raises on purpose."""


class UnknownCodecError(CodecError, KeyError):
    """No codec has the requested id."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0])


class WeightsError(CodecError):
    """Weights are missing, damaged, or belong to another codec."""


class BitstreamError(CodecError, ValueError):
    """A payload is truncated, damaged, or of a format this build does not read."""


class ConfigError(CodecError, ValueError):
    """A configuration names something unknown or combines values that cannot work."""


class TrainingError(CodecError):
    """Training data or a training checkpoint cannot be used."""
