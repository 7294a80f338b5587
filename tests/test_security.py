"""Nothing is unpickled: no module does so, and no reader of weights or arrays can be led to."""

from __future__ import annotations

import ast
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from test_architecture import FILES

from fervideo import checkpoint, classifiers
from fervideo.errors import FervideoError
from fervideo.sequence import load
from fervideo.training import stills

#: Modules that unpickle; functions that do, or that run text as a program.
UNPICKLES = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
CALLS = {"torch.load", "pd.read_pickle", "pandas.read_pickle", "eval", "exec", "pd.eval", "os.system"}


def test_no_module_unpickles():
    for path in FILES:
        tree = ast.parse(path.read_text())
        modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert {name.partition(".")[0] for name in modules} & UNPICKLES == set(), path
        assert {ast.unparse(call.func) for call in calls} & CALLS == set(), path
        words = {str(word.arg) for call in calls for word in call.keywords}
        assert words & {"allow_pickle", "weights_only", "shell"} == set(), path


class Trap:
    """An object that writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._mark,)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.pt", "set.npz", "set.npy"])
def test_a_pickle_is_refused_and_never_run(tmp_path: Path, name: str):
    mark, path = tmp_path / "mark", tmp_path / name
    if name.endswith(".npz"):
        np.savez(path, images=np.array([Trap(mark)], object), votes=np.zeros((1, 10)), split=np.zeros(1, int))
    elif name.endswith(".npy"):
        np.save(path, np.array([Trap(mark)], object))
    elif name.endswith(".pt"):
        torch.save({"weight": Trap(mark)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(mark)))
    for read in (checkpoint.read, classifiers.load, partial(load.load_model, frame_cnn="any"), stills.read):
        with pytest.raises(FervideoError):
            read(path)
    assert not mark.exists()
