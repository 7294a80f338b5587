"""Names of video files: one list for batches and for training."""

#: A video file's name ends with one of these, in any case; where clips differ in their suffix only, the first one wins.
VIDEO_SUFFIXES = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".webm",
    ".flv",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".m4v",
    ".mts",
    ".ts",
    ".3gp",
    ".m2ts",
    ".ogv",
    ".vob",
)
