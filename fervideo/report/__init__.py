"""Results to look at: pages that work offline, figures for papers, and the video with its results drawn on it.

Pages

making.py     the pages of results: which, where, and with which pictures
page.py       a clip's page: its video beside its timeline
content.py    its content, from the tables
numbers.py    its numbers, packed
coder.py      labels of a coder to show beside the results
index.py      the page that lists the clips of a folder
source.py     the video of a timeline, opened as it was when it was analysed
pictures.py   faces, frames and a small copy of the video, as pictures inside a page
assets/       style and code of the pages

Figures and films

canvas.py     sizes in millimetres, fonts and colours of figures, and their files
legend.py     legends of figures
courses.py    one face's course as a figure shows it: gaps, poor stretches, the moments of its pictures
figures.py    timelines of clips under one another
groups.py     mean courses over people, and confusions, from the tables of a study
footage.py    figures with faces out of their videos
overlay/      the video with its results drawn on it

`making`, `pictures`, `footage` and `overlay` read video. The others know only timelines, and take pictures as
arguments.
"""
