"""The recipe of the frame CNN's teacher, a few steps long, with a made-up recogniser in dlib's file format."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fervideo import checkpoint

TOOLS = Path(__file__).parents[2] / "tools"
#: Channels in and out and kernel size of dlib's 29 convolutions.
SHAPES = [(3, 32, 7)]
for width, blocks in ((32, 3), (64, 4), (128, 3), (256, 4)):
    for _ in range(blocks):
        SHAPES += [(SHAPES[-1][1], width, 3), (width, width, 3)]


def number(value: int) -> bytes:
    """Write an integer as dlib does."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "little")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Write a recogniser of random weights instead of the package's; return kernels and affine of each layer."""
    monkeypatch.syspath_prepend(TOOLS)
    rng = np.random.default_rng(0)
    data, layers = b"loss_metric_", []
    for n_in, n_out, kernel in SHAPES:
        kernels = rng.normal(0, (2 / (n_in * kernel**2)) ** 0.5, n_out * (n_in * kernel**2 + 1)).astype(np.float32)
        affine = np.concatenate([rng.uniform(0.5, 1.5, n_out), rng.normal(0, 0.1, n_out)]).astype(np.float32)
        for kind, values in ((b"con_4", kernels), (b"affine_", affine)):
            data += kind + number(2) + number(len(values)) + 3 * number(1) + values.tobytes() + number(7)
        layers.append((kernels, affine))
    folder = tmp_path / "packages" / "face_recognition_models"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "models" / "dlib_face_recognition_resnet_model_v1.dat").write_bytes(data)
    monkeypatch.syspath_prepend(folder.parent)
    return layers


def test_its_layers_do_as_the_file_and_can_learn_on(weights: list[tuple[np.ndarray, np.ndarray]]):
    from train_teacher import PICTURE_PX, recogniser

    pictures = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 1, PICTURE_PX, PICTURE_PX)).astype(np.float32))
    teacher = recogniser(pictures)
    kernels, affine = (torch.from_numpy(values) for values in weights[0])
    scale, offset = affine[:, None, None].chunk(2)
    plain = torch.nn.functional.conv2d(
        pictures.expand(-1, 3, -1, -1), kernels[:-32].reshape(32, 3, 7, 7), kernels[-32:], stride=2
    )
    with torch.no_grad():
        torch.testing.assert_close(teacher.stem(pictures), plain * scale + offset, rtol=1e-3, atol=1e-4)
        known = teacher(pictures)[0]
        # Batch norms that measure the same batch change nothing either.
        torch.testing.assert_close(teacher.train()(pictures)[0], known, rtol=1e-3, atol=1e-4)
    assert known.std() > 0


def test_a_student_learns_from_it(
    weights: list[tuple[np.ndarray, np.ndarray]],
    ferplus: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    import loop
    import train_frame
    import train_teacher

    monkeypatch.setattr(loop, "BATCH", 8)

    def run(recipe: object, *options: str) -> None:
        monkeypatch.setattr(sys, "argv", ["recipe", *map(str, ferplus), *options, "--epochs", "1", "--steps", "2"])
        recipe.main()  # type: ignore[attr-defined]

    run(train_teacher, str(tmp_path / "teacher"))
    run(train_frame, str(tmp_path / "first"))
    teacher, first = tmp_path / "teacher" / "last.pt", tmp_path / "first" / "frame.safetensors"
    run(train_frame, str(tmp_path / "second"), "--init", str(first), "--teacher", str(teacher))
    header = checkpoint.read(tmp_path / "second" / "frame.safetensors").header
    assert header["teacher"] == checkpoint.digest(teacher)
    with pytest.raises(SystemExit):
        run(train_frame, str(tmp_path / "third"), "--teacher", str(teacher))
    # Nor does one that has not finished teach.
    state = torch.load(teacher, weights_only=True)
    torch.save(state | {"recipe": {"epochs": 7}}, teacher)
    with pytest.raises(SystemExit, match=r"last\.pt has 1 of 7 epochs: finish tools/train_teacher\.py first"):
        run(train_frame, str(tmp_path / "third"), "--init", str(first), "--teacher", str(teacher))


def test_a_pictures_face_is_where_its_crops_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(TOOLS)
    from train_frame import twins
    from train_teacher import augmented

    image = np.zeros((48, 48), np.uint8)
    image[:, :24] = 200
    transform = np.array([(56 / 48, 0, 0), (0, 56 / 48, 0)])
    for draw in range(20):
        crop, picture = (
            twins(image, transform, (1, draw, 0))[0].astype(float),
            augmented(image, transform, (1, draw, 0)).astype(float),
        )
        # Both are mirrored or none is.
        assert (crop[:, :28].mean() > crop[:, 28:].mean()) == (picture[:, :75].mean() > picture[:, 75:].mean())
