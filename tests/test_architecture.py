"""The house plan against the code: which module may import which, where the heavy libraries live, what an import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fervideo"

#: Lowest first; a module imports only from lower lines, and never from its own.
LAYERS = (
    {"errors"},
    {"drafts", "records", "settings"},
    {"cache_files", "checkpoint", "events", "remote"},
    {
        "video",
        "faces",
        "crops",
        "geometry",
        "embedding",
        "classifiers",
        "cache",
        "tracking",
        "sequence",
        "timeline",
        "workers",
    },
    {"exports", "report", "overlay"},
    {"frame_model", "small_faces"},
    {"segments"},
    {"pipeline"},
    {"batch", "photos", "training"},
    {"demo", "doctor", "options"},
    {"cli"},
    {"__init__", "__main__"},
)
LAYER = {name: number for number, layer in enumerate(LAYERS) for name in layer}
#: Layer 2 writes what a timeline holds, and nothing else.
NARROW = {name: LAYERS[0] | LAYERS[1] | LAYERS[2] | {"timeline"} for name in LAYERS[4]}
#: Each heavy library and the only modules that import it.
HEAVY = {
    "torch": {"embedding", "classifiers", "sequence", "training"},
    "mediapipe": {"faces"},
    "dlib": {"faces"},
    "decord": {"video"},
    "av": {"video", "demo"},
    "cv2": {"crops", "demo"},
    "skimage": {"demo"},
    "sklearn": {"classifiers", "training"},
    "pandas": {"timeline", "exports", "report", "batch", "photos", "training"},
    "ray": {"batch"},
    "matplotlib": {"training"},
}
#: Heavy libraries that are imported at the point of use only, and modules that import any there only.
AT_POINT_OF_USE = {"ray", "skimage"}
LIGHT_AT_IMPORT = {"__init__", "__main__", "cli", "demo", "doctor", "options"}
#: What neither `import fervideo` nor the command's help may load.
NOT_AT_START = ("torch", "mediapipe", "decord", "pandas", "ray")

FILES = sorted(PACKAGE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


def module(path: Path) -> str:
    """Name the module of the plan that a file belongs to: its own, or its folder."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield the dotted names that a file imports, and whether it does so as soon as it is imported itself."""
    deferred = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(scope)
    }
    for node in ast.walk(tree):
        at_import = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports in full: from fervideo.records import ..."
            # `from fervideo import cache` imports a module, `from fervideo.cache import root` a name from one.
            yield from (
                (f"fervideo.{alias.name}" if node.module == "fervideo" else str(node.module), at_import)
                for alias in node.names
            )


def siblings(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, its own folder left out."""
    found = {name.split(".")[1] for name, _ in imports(ast.parse(path.read_text())) if name.startswith("fervideo.")}
    # The version is known before anything is imported.
    return {name if name in LAYER else "__init__" for name in found - {"__version__"}} - {module(path)}


def load(code: str) -> set[str]:
    """Run code in a fresh interpreter and return which heavy libraries it loaded."""
    report = f"import sys; print('\\n' + ' '.join(name for name in {NOT_AT_START!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(done.stdout.splitlines()[-1].split())


@each_file
def test_every_module_has_its_place_in_the_plan(path: Path):
    assert module(path) in LAYER, "add the module to LAYERS, here and in the plan"


@each_file
def test_imports_point_downward(path: Path):
    own = LAYER[module(path)]
    assert {name for name in siblings(path) if LAYER[name] >= own} == set()


@each_file
def test_exports_know_only_the_timeline(path: Path):
    assert siblings(path) <= NARROW.get(module(path), set(LAYER))


@each_file
def test_heavy_libraries_stay_in_their_modules(path: Path):
    used = {name.partition(".")[0] for name, _ in imports(ast.parse(path.read_text()))}
    assert {library for library in used & set(HEAVY) if module(path) not in HEAVY[library]} == set()


@each_file
def test_heavy_libraries_load_where_they_are_used(path: Path):
    at_import = {name.partition(".")[0] for name, now in imports(ast.parse(path.read_text())) if now}
    assert at_import & (set(HEAVY) if module(path) in LIGHT_AT_IMPORT else AT_POINT_OF_USE) == set()


@each_file
def test_nothing_acts_at_import(path: Path):
    if path.name == "__main__.py":
        return
    acts = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ]
    assert [ast.unparse(node) for node in acts] == []


@each_file
def test_modules_fit_in_the_head(path: Path):
    n_lines = len(path.read_text().splitlines())
    assert n_lines <= 400
    assert path.stem != "utils"


def test_import_loads_nothing_heavy():
    assert load("import fervideo") == set()


def test_help_loads_nothing_heavy():
    run = "runpy.run_module('fervideo', run_name='__main__')"
    assert load(f"import runpy, sys; sys.argv = ['fervideo', '--help']\ntry: {run}\nexcept SystemExit: pass") == set()
