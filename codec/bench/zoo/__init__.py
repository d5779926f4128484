"""All codecs side by side at matched bytes: one run, one table, one page of pictures, and what was claimed beside it.

entrant.py       what takes part: a preset of a family, or an ordinary codec
matched_rate.py  the quality at which an image takes so many bytes
shot.py          one image through one entrant at one rate
kept_shots.py    shots of earlier runs
sheet.py         rows of means, what is missing and why
crops.py         where in an image codecs differ, and what they make of it
claims.py        sentences of the log and of papers, and whether the rows bear them out
page/            the sheet as a web page, as Markdown, as curves

Nothing here knows a family or reads a file of images: jobs/bench/zoo.py brings both.
"""
