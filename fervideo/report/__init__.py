"""Pictures of results: figures for papers, and the video with its results drawn on it.

canvas.py    sizes in millimetres, fonts and colours of figures, and their files
legend.py    legends of figures
courses.py   one face's course as a figure shows it: gaps, poor stretches, the moments of its pictures
figures.py   timelines of clips under one another
groups.py    mean courses over people, and confusions, from the tables of a study
footage.py   the video of a timeline, and pictures of its faces
overlay/     the video with its results drawn on it

Only the last two read video; the others take pictures as arguments.
"""
