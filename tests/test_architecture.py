"""The plan against the code: which module imports which, where the heavy libraries live, and the cost of an import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fervideo"

#: Lowest first: a room imports from its own layer and from lower ones, and no two rooms import each other in a circle.
LAYERS = (
    {
        "errors",
        "records",
        "shaped",
        "settings",
        "columns",
        "landmarks",
        "movements",
        "boxes",
        "palette",
        "atomic",
        "bounded",
        "cells",
        "damage",
        "stderr",
        "stopwatch",
        "progress",
    },
    {"checkpoint", "video", "faces", "crops", "measures", "classifiers", "cache", "tracking", "sequence", "timeline"}
    | {"pictures", "workers"},
    {"outputs", "study", "report"},
    {"observe", "models", "segments", "pipeline", "foreign"},
    {"photos", "batch", "training", "demo", "doctor", "docs"}
    | {"report.making", "report.pictures", "report.footage", "report.overlay", "report.source"},
    {"cli"},
    {"__init__", "__main__"},
)
LAYER = {name: number for number, layer in enumerate(LAYERS) for name in layer}
#: Layer 2 writes and draws timelines, and knows no models.
NARROW = {name: LAYERS[0] | LAYERS[2] | {"timeline"} for name in LAYERS[2]}
#: The only upward imports, inside thin methods: from file to room.
UPWARD = {("timeline/record.py", room) for room in ("outputs", "study", "report", "report.footage")}
#: Each heavy library and the only rooms that import it.
HEAVY = {
    "torch": {"classifiers", "sequence", "training"},
    "mediapipe": {"faces"},
    "dlib": {"faces"},
    "decord": {"video"},
    "av": {"video", "demo", "report.overlay", "report.pictures"},
    "cv2": {"crops", "demo", "report.footage", "report.overlay", "report.pictures"},
    "skimage": {"demo"},
    "sklearn": {"classifiers", "training"},
    "pandas": {"timeline", "outputs", "study", "report", "report.overlay", "batch", "photos", "training", "foreign"},
    "pyarrow": {"outputs", "study"},
    "openpyxl": {"outputs"},
    "ray": {"batch"},
    "matplotlib": {"training", "report", "report.overlay"},
    "plotly": {"report"},
}
#: Heavy libraries that are imported at the point of use only, and rooms that import any there only.
AT_POINT_OF_USE = {"openpyxl", "pyarrow", "ray", "skimage"}
LIGHT_AT_IMPORT = {"__init__", "__main__", "cli", "demo", "docs", "doctor"}
#: Libraries that neither `import fervideo` nor the command's help may load.
NOT_AT_START = ("torch", "mediapipe", "decord", "pandas", "ray")

FILES = sorted(PACKAGE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


def room(path: Path) -> str:
    """Name the room of the plan that a file belongs to: its own name, its folder, or both where the plan lists both."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:2]) if ".".join(parts[:2]) in LAYER else parts[0]


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield the dotted names that a file imports, and whether it does so as soon as it is imported itself."""
    scopes = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    deferred = {id(node) for scope in scopes for node in ast.walk(scope)}
    for node in ast.walk(tree):
        at_import = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports in full: from fervideo.records import ..."
            yield from ((f"{node.module}.{alias.name}", at_import) for alias in node.names)


def neighbours(path: Path) -> set[str]:
    """Return the rooms that a file imports from, its own left out."""
    found = set()
    for name, _ in imports(ast.parse(path.read_text())):
        if name.startswith("fervideo.") and name != "fervideo.__version__":
            parts = name.split(".")[1:]
            found.add(".".join(parts[:2]) if ".".join(parts[:2]) in LAYER else parts[0])
    known = {name if name in LAYER else "__init__" for name in found} - {room(path)}
    return {name for name in known if (path.relative_to(PACKAGE).as_posix(), name) not in UPWARD}


def circles(links: dict[str, set[str]]) -> list[str]:
    """Return the nodes that remain after those that import no other remaining one are removed, again and again."""
    left = dict(links)
    while free := [name for name, wanted in left.items() if not wanted & set(left)]:
        for name in free:
            del left[name]
    return sorted(left)


def load(code: str) -> set[str]:
    """Run code in a fresh interpreter and return which heavy libraries it loaded."""
    report = f"import sys; print('\\n' + ' '.join(name for name in {NOT_AT_START!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(done.stdout.splitlines()[-1].split())


@each_file
def test_every_module_has_its_place_in_the_plan(path: Path):
    assert room(path) in LAYER, "add the room to LAYERS, here and in the plan"


@each_file
def test_imports_point_downward(path: Path):
    own = LAYER[room(path)]
    assert {name for name in neighbours(path) if LAYER[name] > own} == set()


def test_no_rooms_import_each_other_in_a_circle():
    links: dict[str, set[str]] = {}
    for path in FILES:
        links.setdefault(room(path), set()).update(neighbours(path))
    assert circles(links) == []


def test_no_files_import_each_other_in_a_circle():
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES
    }
    links = {}
    for path in FILES:
        own = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        wanted = {name for name, now in imports(ast.parse(path.read_text())) if now}
        # `from fervideo.cache import files` imports a file, `from fervideo.cache import Cache` a name from one.
        links[own] = {name if name in names else name.rpartition(".")[0] for name in wanted} & names - {own}
    assert circles(links) == []


@each_file
def test_outputs_know_only_timelines(path: Path):
    assert neighbours(path) <= NARROW.get(room(path), set(LAYER))


@each_file
def test_heavy_libraries_stay_in_their_modules(path: Path):
    used = {name.partition(".")[0] for name, _ in imports(ast.parse(path.read_text()))}
    assert {library for library in used & set(HEAVY) if room(path) not in HEAVY[library]} == set()


@each_file
def test_heavy_libraries_load_where_they_are_used(path: Path):
    at_import = {name.partition(".")[0] for name, now in imports(ast.parse(path.read_text())) if now}
    assert at_import & (set(HEAVY) if room(path) in LIGHT_AT_IMPORT else AT_POINT_OF_USE) == set()


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
