"""The project's one trainer: a loop that knows no family, and the recipe that every family brings.

recipe.py            what a family brings
config.py            what a run is told; optimiser.py and schedule.py follow it
losses.py            what a family may train its pictures to keep
local_images.py, image_files.py, gather.py, image_crops.py    images from a disk, as crops
training_data.py     crops to train on, and crops to measure on
patch_source.py, batch_shares.py    batches, and their shares side by side
karhunen_loeve.py    the transform that models begin as
learner.py           a model, the average of its weights, and one step
trainer.py           a run from its first session to its last
training_run.py      one run as it moves on; training_record.py and checkpoint.py keep it
session.py           until when one session goes on, and who hears what it does
durations.py         how long the end of a session will take
progress.py, log.py  what a run says
kept_pictures.py     what it decoded at every evaluation
drawings.py          all that is drawn of it: curves.py, learned_when.py, strips.py on a contact_sheet.py
"""
