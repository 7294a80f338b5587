"""The cache: extracted segments and predictions on disk, by stage, so that a second run decodes nothing.

store.py     a clip's folder: its stored segments and predictions, and the whole cache's size
files.py     the files, as bytes
remote.py    the same files behind a URL
"""

from fervideo.cache.store import Cache, chosen, clear, prune, root, size

__all__ = ["Cache", "chosen", "clear", "prune", "root", "size"]
