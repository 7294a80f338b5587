"""Photographs of real faces: each found, upright, classified by every classifier; and files that cannot be read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import fervideo
from fervideo import classifiers, cli, columns, photos, settings
from fervideo.errors import VideoError


@pytest.fixture(scope="module")
def folder(astronaut: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a portrait, the same on its side with an EXIF orientation, two of her in different sizes, and her suit."""
    root = tmp_path_factory.mktemp("photos")
    astronaut.save(root / "a.jpg")
    turned = Image.Exif()
    turned[0x112] = 6
    astronaut.rotate(90, expand=True).save(root / "b.jpg", exif=turned)
    pair = Image.new("RGB", (900, 512), "grey")
    pair.paste(astronaut.resize((300, 300)), (0, 100))
    pair.paste(astronaut, (388, 0))
    pair.save(root / "c.png")
    astronaut.crop((120, 300, 320, 500)).save(root / "d.png")
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> photos.PhotoFaces:
    return fervideo.classify_photos([folder])


def test_every_face_has_its_row(found: photos.PhotoFaces, folder: Path):
    table = found.faces
    assert list(table.columns) == columns.names(columns.photos())
    names = [Path(photo).stem for photo in table["photo"]]
    assert list(zip(names, table["face"].fillna(-1), strict=True)) == [
        ("a", 0),
        ("b", 0),
        ("c", 0),
        ("c", 1),
        ("d", -1),
    ]
    assert (table["expression"].dropna() == "happiness").all()
    np.testing.assert_allclose(table[columns.prefixed("p")].dropna().sum(axis=1), 1, atol=1e-9)
    assert found.problems == ()


def test_the_largest_face_is_the_first(found: photos.PhotoFaces):
    pair = found.faces[found.faces["photo"].str.endswith("c.png")]
    assert pair["box_w_px"].is_monotonic_decreasing
    assert pair["box_x_px"].iloc[0] > 388 > pair["box_x_px"].iloc[1]


def test_orientation_is_honoured(found: photos.PhotoFaces):
    upright, turned = (found.faces.iloc[row][["box_x_px", "box_y_px", "roll_deg"]].to_numpy(float) for row in (0, 1))
    np.testing.assert_allclose(turned, upright, atol=3)


def test_a_photograph_without_a_face_has_an_empty_row(found: photos.PhotoFaces):
    assert found.faces.iloc[-1].drop("photo").isna().all()
    assert "no face found" in photos.describe(found.faces)


def test_a_picture_too_long_to_be_warped_is_a_problem_and_the_others_go_on(astronaut: Image.Image, tmp_path: Path):
    Image.new("L", (33_000, 4), 90).save(tmp_path / "panorama.png")
    Image.new("L", (2000, 3), 90).save(tmp_path / "thin.png")
    astronaut.save(tmp_path / "z.tiff")
    found = fervideo.classify_photos([tmp_path])
    assert [Path(photo).name for photo in found.faces["photo"]] == ["thin.png", "z.tiff"]
    (problem,) = found.problems
    assert "panorama.png: is 33000 x 4 pixels, more than 32766 on a side; scale it down" in str(problem)


def test_a_small_picture_of_a_face_has_one(astronaut: Image.Image, tmp_path: Path):
    face = astronaut.crop((180, 60, 270, 150)).convert("L")
    sizes = (40, 48, 60)
    for size in sizes:
        face.resize((size, size)).save(tmp_path / f"{size}.png")
    found = fervideo.classify_photos([tmp_path]).faces
    assert found["expression"].tolist() == ["happiness"] * 3
    # In the picture's own pixels.
    assert ((found["box_w_px"] > 0.4 * np.array(sizes)) & (found["box_w_px"] < 1.2 * np.array(sizes))).all()


def test_measures_are_rounded_as_in_the_timeline(found: photos.PhotoFaces):
    yaw = found.faces["yaw_deg"].dropna()
    assert (yaw == yaw.round(2)).all()


def test_the_table_reads_back(found: photos.PhotoFaces, tmp_path: Path):
    found.save(tmp_path / "faces.csv")
    back = pd.read_csv(tmp_path / "faces.csv", dtype={"face": "Int64"})
    pd.testing.assert_frame_equal(back, found.faces, check_dtype=False)
    assert [path.name for path in tmp_path.iterdir()] == ["faces.csv"]


def test_others_go_on(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "text.jpg").write_text("a shopping list")
    (tmp_path / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:5000])
    (tmp_path / "empty").mkdir()
    bad = [tmp_path / name for name in ("text.jpg", "cut.jpg", "none.jpg", "empty")]
    code = cli.main(["image", *map(str, [*bad, folder / "a.jpg"]), "-o", str(tmp_path / "new" / "faces.csv")])
    out, err = capsys.readouterr()
    assert code == 1
    assert "happiness" in out
    assert len(pd.read_csv(tmp_path / "new" / "faces.csv")) == 1
    lines = err.splitlines()
    assert len(lines) == 4
    for path in bad:
        assert any(line.startswith(f"fervideo: {path}: ") and "; " in line for line in lines)


def test_nothing_to_read_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["image", str(tmp_path / "none.jpg")]) == 2
    assert capsys.readouterr() == ("", f"fervideo: {tmp_path / 'none.jpg'}: does not exist; check the path\n")


@pytest.mark.parametrize("name", ["transfer", "svm", "mlp"])
def test_every_classifier_sees_the_smile(folder: Path, name: str):
    table = fervideo.classify_photos([folder / "a.jpg"], settings.load(None, [("", f"classifier.name={name}")])).faces
    assert table["expression"].tolist() == ["happiness"]


def test_weights_of_another_classifier_name_both_sides(folder: Path, capsys: pytest.CaptureFixture[str]):
    code = cli.main(
        [
            "image",
            str(folder / "a.jpg"),
            "--classifier",
            "svm",
            "--set",
            f"classifier.weights={classifiers.CNN_WEIGHTS}",
        ]
    )
    assert code == 2
    assert "made for kind = 'frame_cnn', here it is 'svm'; choose --classifier cnn" in capsys.readouterr().err


def test_the_library_lists_files_that_it_could_not_read(tmp_path: Path):
    found = fervideo.classify_photos([tmp_path / "none.jpg"])
    assert [type(problem) for problem in found.problems] == [VideoError]
    assert len(found.faces) == 0
    assert list(found.faces.columns) == columns.names(columns.photos())


def test_real_photographs(shared: Path):
    table = fervideo.classify_photos([shared / "photos"]).faces
    faces = table.dropna(subset=["face"]).groupby(table["photo"].map(lambda photo: Path(photo).name)).size()
    assert (faces["multi_face.jpg"], faces["single_face.jpg"]) == (5, 1)
    assert "free-mountain-vector-01.jpg" not in faces


def test_photographs_are_turned_as_the_option_says(astronaut: Image.Image, tmp_path: Path):
    astronaut.rotate(180).save(tmp_path / "hanging.png")
    (row,) = fervideo.classify_photos([tmp_path / "hanging.png"], rotate=180).faces.itertuples()
    assert (row.expression, abs(row.roll_deg) < 30) == ("happiness", True)
