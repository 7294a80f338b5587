"""Bad usage: one line with the word at fault, the nearest name and the command's own usage."""

import pytest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "timeline clip.mp4 --worker 2",
            "--worker: is no option of fervideo timeline; "
            "did you mean --workers? usage: fervideo timeline VIDEO [options]",
        ),
        ("timeline --wrokers=2 clip.mp4", "--wrokers: is no option of fervideo timeline; did you mean --workers?"),
        ("timeline clip.mp4 --no-cach", "did you mean --no-cache?"),
        ("timeline clip.mp4 -output x", "did you mean --output?"),
        ("timeline clip.mp4 -x", "-x: is no option of fervideo timeline; usage: fervideo timeline VIDEO [options]"),
        ("train data --outptu run", "did you mean --output? usage: fervideo train DATASET -o RUN [options]"),
        ("demo --model run", "--model: is no option of fervideo demo; usage: fervideo demo [options]"),
        ("cache prune --max-siz 5GB", "did you mean --max-size? usage: fervideo cache info|prune|clear [options]"),
        ("--verison", "--verison: is no option of fervideo; did you mean --version?"),
        ("timeline", "timeline: the following arguments are required: VIDEO; usage: fervideo timeline VIDEO"),
        ("batch", "batch: the following arguments are required: FOLDER; usage: fervideo batch FOLDER ... [options]"),
        ("train data", "train: the following arguments are required: -o/--output; usage: fervideo train DATASET -o"),
        ("batch x --timeout long", "batch: argument --timeout: invalid float value: 'long'; usage: "),
        ("batch x --on-error go", "invalid choice: 'go' (choose from 'continue', 'stop'); usage: fervideo batch"),
        ("settings --json --toml", "not allowed with argument --json; usage: fervideo settings [SECTION ...] [opt"),
    ],
)
def test_bad_usage_is_one_line(refused, words: str, message: str):
    assert message in refused(*words.split())


@pytest.mark.parametrize("words", ["-ofolder", "--output=folder", "--smooth -1", "-- --odd--name.mp4"])
def test_every_form_of_a_known_option_is_one(refused, words: str):
    """They come as far as the missing file, or the value."""
    message = refused("timeline", *(["x.mp4"] if "--" not in words.split() else []), *words.split())
    assert "is no option" not in message
