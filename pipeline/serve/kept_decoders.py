"""The decoders that an archive keeps, as its server knows them: another file of one shows another picture."""

from __future__ import annotations

from dataclasses import replace

from codec.contract import FAITHFUL
from pipeline.archive.decoders import stored_decoders
from pipeline.decode.decoder_choice import files_of
from pipeline.serve.view import View
from pipeline.store.storage import Storage


class KeptDecoders:
    """What was there when it was last looked at."""

    def __init__(self, archive: Storage) -> None:
        """Look at what is there.

        Raises:
            StorageError: the store does not answer.
        """
        self._archive = archive
        self._places = stored_decoders(archive)

    def refresh(self) -> None:
        """Look again. It waits for the store.

        Raises:
            StorageError: it does not answer; what is known stays.
        """
        self._places = stored_decoders(self._archive)

    def named(self, view: View) -> View:
        """A view that says which files of its decoder the archive keeps."""
        if view.decoder == FAITHFUL:
            return view
        return replace(view, decoder_files=files_of(view.decoder, self._places))
