"""What can go wrong inside the codec.

CodecError
├── UnknownCodecError   no codec has that id
├── WeightsError        weights missing, damaged or made for something else
├── BitstreamError      a payload that is truncated, damaged or of another format
│   ├── TruncatedError          too few bytes of one to make anything of
│   └── UnknownWeightsError     a sound payload, made with weights that this codec was not given
├── NoDecoderError      a sound payload, of whose weights the decoder that was asked for shows nothing
├── NoHeadError         a codec, or weights of one, whose payloads no head reads
├── CodecConfigError    a configuration that names or combines things wrongly
└── TrainingError       training data or checkpoint unusable
    └── TooFewImagesError   too few images to adapt weights to
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


class TruncatedError(BitstreamError):
    """There are too few bytes of a payload to make anything of."""

    def __init__(self, least: int, got: int) -> None:
        """Take how many bytes are needed at least, and how many there are."""
        super().__init__(least, got)
        self.least, self.got = least, got

    def __str__(self) -> str:
        return f"expected a payload of at least {self.least} bytes, got {self.got}: truncated"


class UnknownWeightsError(BitstreamError):
    """A payload was made with weights that this codec does not have; `load_codec` takes further ones."""

    def __init__(self, digest: bytes, at_hand: str) -> None:
        """Say which weights are asked for.

        Args:
            digest: first 8 bytes of the sha256 of their file.
            at_hand: the weights that are, in words.
        """
        super().__init__(digest, at_hand)
        self.digest = digest

    def __str__(self) -> str:
        return (
            f"the payload was made with weights {self.digest.hex()}, here are {self.args[1]}; decode it with its "
            "archive's weights, or with the tenfold release that made it"
        )


class NoDecoderError(CodecError):
    """The decoder that was asked for is there, and not for the weights that made a payload."""


class NoHeadError(CodecError):
    """Nothing is there that reads labels from payloads of a codec, or of the weights that made one of them."""


class CodecConfigError(CodecError, ValueError):
    """A configuration names something unknown or combines values that cannot work."""


class TrainingError(CodecError):
    """Training data or a training checkpoint cannot be used."""


class TooFewImagesError(TrainingError):
    """There are too few images to adapt weights to."""
