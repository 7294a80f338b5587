"""Commands on photographs; tests/test_photos.py and tests/training/test_compare.py run them on pictures."""

import pytest


def test_a_url_is_named(run):
    code, out, err = run("image", "https://example.org/photo.jpg")
    assert (code, out) == (2, "")
    assert (
        err == "fervideo: https://example.org/photo.jpg: is a URL; fervideo reads files, not URLs: download it first\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("compare faces --map happy", "--map happy: is not LABEL=EXPRESSION; write for example --map happy=happiness"),
        ("compare faces --faces 2", "--faces: is no option of fervideo compare"),
        ("image a.jpg --smooth 2", "--smooth: is no option of fervideo image"),
    ],
)
def test_bad_usage_is_one_line(refused, words: str, message: str):
    assert message in refused(*words.split())
