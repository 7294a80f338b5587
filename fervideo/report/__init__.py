"""Reports: pages that work offline from disk.

    making.py     the pages of results: which, where, and with which pictures
    page.py       a clip's page: its video beside its timeline
    content.py    its content, from the tables
    numbers.py    its numbers, packed
    coder.py      labels of a coder to show beside the results
    index.py      the page that lists the clips of a folder
    pictures.py   faces, frames and a small copy of the video, as pictures inside a page
    assets/       style and code of the pages

`page`, `content`, `coder`, `index` and `numbers` know only timelines; `making` and `pictures` need pixels.
"""
