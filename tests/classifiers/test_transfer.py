"""Bodies trained for another task: weights that fit, and weights that do not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import Face
from safetensors.torch import save_file

from fervideo import checkpoint, classifiers
from fervideo.classifiers import transfer
from fervideo.errors import WeightsError
from fervideo.records import CROP_PX, EXPRESSIONS

#: Index and channels of the convolutions in torchvision's vgg16 (configuration D).
VGG16_CONVOLUTIONS = {
    0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256),
    17: (512, 256), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip


@pytest.fixture(scope="module")
def imagenet() -> dict[str, torch.Tensor]:
    """Return a state dict like that of torchvision's body; its head, which is not read, is the last bias alone."""
    state = {"classifier.6.bias": torch.zeros(1000)}
    for index, (n_out, n_in) in VGG16_CONVOLUTIONS.items():
        state[f"features.{index}.weight"] = torch.randn(n_out, n_in, 3, 3) * (2 / (9 * n_in)) ** 0.5
        state[f"features.{index}.bias"] = torch.zeros(n_out)
    return state


def test_imagenet_weights_fit_vgg16(tmp_path: Path, imagenet: dict[str, torch.Tensor]):
    save_file(imagenet, tmp_path / "vgg16")
    model = transfer.VGG16()
    transfer.load_body(model, tmp_path / "vgg16")
    assert {name for name in model.state_dict() if name.startswith("features.")} == set(imagenet) - {
        "classifier.6.bias"
    }
    torch.testing.assert_close(model.features[28].weight.data, imagenet["features.28.weight"])


def test_vgg16_sees_crops_as_imagenet_networks_expect_them():
    white = transfer.VGG16.prepare(torch.full((1, CROP_PX, CROP_PX), 255, dtype=torch.uint8))
    assert white.shape == (1, 3, transfer.VGG16_PX, transfer.VGG16_PX)
    expected = [(1 - mean) / std for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    np.testing.assert_allclose(white[0, :, 5, 5].numpy(), expected, rtol=1e-4)


def test_a_trained_vgg16_is_read_back(tmp_path: Path, smile: Face):
    torch.manual_seed(0)
    model = transfer.VGG16().eval()
    header = {"kind": "vgg16", "labels": EXPRESSIONS, "crop_px": CROP_PX}
    checkpoint.write(
        tmp_path / "v.safetensors", header, {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    )
    with torch.inference_mode():
        expected = model(torch.from_numpy(smile.crop)).numpy()
    found = classifiers.load(tmp_path / "v.safetensors").predict(smile.crop, smile.landmarks_px).logits
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (
            {"conv1.weight": torch.zeros(2)},
            r"lacks 26 of 26 parameters \(features.0.weight, features.0.bias, features.2.weight and 23 more\)",
        ),
        ({"features.0.weight": torch.zeros(64, 1, 3, 3)}, r"lacks 25 of 26 parameters"),
    ],
    ids=["other names", "some"],
)
def test_a_body_that_is_none_is_refused(tmp_path: Path, state: dict[str, torch.Tensor], reason: str):
    save_file(state, tmp_path / "body.safetensors")
    with pytest.raises(WeightsError, match=reason):
        transfer.load_body(transfer.VGG16(), tmp_path / "body.safetensors")


def test_a_state_dict_of_torch_is_not_unpickled(tmp_path: Path, imagenet: dict[str, torch.Tensor]):
    torch.save(imagenet, tmp_path / "body.pth")
    with pytest.raises(WeightsError, match=r"not a safetensors file .*; convert it: "):
        transfer.load_body(transfer.VGG16(), tmp_path / "body.pth")


def test_a_body_that_does_not_fit_names_both_shapes(tmp_path: Path, imagenet: dict[str, torch.Tensor]):
    save_file(imagenet | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "grey.pth")
    with pytest.raises(WeightsError, match=r"features.0.weight is \[64, 1, 3, 3\], here it is \[64, 3, 3, 3\]"):
        transfer.load_body(transfer.VGG16(), tmp_path / "grey.pth")
    with pytest.raises(WeightsError, match="no such file"):
        transfer.load_body(transfer.VGG16(), tmp_path / "none.pth")
