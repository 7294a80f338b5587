"""Commands on a folder of results: files, lines, exit codes, and one line for each mistake."""

from pathlib import Path

import pytest
from studies import frames_of, write_result, write_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_result(tmp_path / "results", "a", frames_of([0.0, 0.5]))
    return tmp_path / "results"


def test_gather_writes_a_table(run, folder: Path, tmp_path: Path):
    code, out, err = run("gather", folder, "-o", tmp_path / "study.csv", "--columns", "smile")
    assert (code, out, err) == (0, f"1 clip, 2 rows\nwrote {tmp_path / 'study.csv'}\n", "")
    assert (tmp_path / "study.csv").read_text().startswith("clip,frame,time_s,face,status,smile\na,0,0.0,0,ok,\n")


def test_gather_ends_with_1_where_clips_are_missing(run, folder: Path, tmp_path: Path):
    design = write_text(tmp_path / "design.csv", "clip,x", "a,1", "b,2")
    code, out, err = run("gather", folder, "--design", design, "-o", tmp_path / "study.csv")
    assert (code, err) == (1, f"fervideo: {design}: no results of 1 clip (b)\n")
    assert out.startswith("1 clip, 2 rows\n")


def test_agree_prints_and_writes(run, folder: Path, tmp_path: Path):
    hand = write_text(tmp_path / "hand.csv", "clip,start_s,end_s,label", "a,0,0.5,calm", "a,0.5,1,happy")
    code, out, err = run("agree", folder, hand, "--map", "calm=neutral", "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith("fervideo, coder 1: kappa 0.000, 50.0% equal (2 bins of 1 person)\n")
    assert (tmp_path / "out" / "disagreements.csv").read_text().count("\n") == 2
    assert out.endswith(f"wrote {tmp_path / 'out' / 'confusion.png'}\n")
    assert (tmp_path / "out" / "confusion.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("baseline", ["--baseline=-0.5:0", "--baseline -.5:0"])
def test_epochs_takes_negative_values_with_and_without_a_sign(run, folder: Path, tmp_path: Path, baseline: str):
    write_result(folder, "a", frames_of([n / 10 for n in range(50)], ({"smile": [0.0] * 20 + [1.0] * 30},)))
    events = write_text(tmp_path / "events.csv", "onset_s", "2", "4.9")
    words = f"--window -1:1.5 {baseline} --columns smile --hz 2".split()
    code, out, err = run("epochs", folder, "--events", events, *words, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith("2 trials, 1 of them dropped for too few good frames\nwrote ")
    assert (tmp_path / "out" / "epochs.csv").read_text() == (
        "participant,clip,trial,t,measure,value,good\n"
        "a,a,1,-1.0,smile,0.0,1.0\na,a,1,-0.5,smile,0.0,1.0\na,a,1,0.0,smile,1.0,1.0\n"
        "a,a,1,0.5,smile,1.0,1.0\na,a,1,1.0,smile,1.0,1.0\n"
    )
    assert (tmp_path / "out" / "trials.csv").read_text() == (
        "participant,clip,trial,measure,good,dropped,mean,peak,latency_s,area,rise_s,above_s\n"
        "a,a,1,smile,1.0,,1.0,1.0,0.0,1.5,,1.5\n"
        "a,a,2,smile,0.44,window,,,,,,\n"
    )
    assert out.endswith(f"wrote {tmp_path / 'out' / 'curves.png'}\n")
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "curves.csv").read_text().splitlines()[:2] == [
        "measure,t,people,mean,low,high",
        "smile,-1.0,1,0.0,,",
    ]


def test_synchrony_prints_and_writes(run, tmp_path: Path):
    smile = [float(n * n % 7) for n in range(200)]
    path = write_result(tmp_path, "talk", frames_of([n / 10 for n in range(200)], ({"smile": smile}, {"smile": smile})))
    words = ["--faces", "0,1", "--columns", "smile", "--surrogates", 9, "--seed", 3, "-o", tmp_path / "out"]
    code, out, err = run("synchrony", path, *words)
    assert (code, err) == (0, "")
    assert out.startswith("smile: peak r 1.000, median lag 0 s, effect size ")
    assert out.endswith("synchrony.csv\nwrote " + str(tmp_path / "out" / "windows.csv") + "\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("gather {tmp} -o x.csv", "has no results (looked for *.timeline.csv); give the folder that"),
        ("gather {tmp}/none -o x.csv", "none: does not exist; give the folder that"),
        ("gather {results} -o x.txt", "x.txt: is neither .csv nor .parquet; name the file"),
        ("gather {results} -o {tmp}/d.csv", "d.csv: is a folder; name a file"),
        ("gather {results} -o x.csv --min-coverage 5", "--min-coverage 5: is no share; give a number from 0 to 1"),
        ("gather {results} -o x.csv --design {tmp}/no.csv", "no.csv: cannot be read as a table (No such file"),
        ("agree {results} {tmp}/no.csv", "no.csv: does not exist; check the path"),
        ("agree {results} {tmp}/no.csv --map a", "--map a: is not of the form A=B; write for example --map joy=happ"),
        ("epochs {results} --events x.csv -o {tmp}/e --window 5", "--window 5: is not of the form A:B; give seconds"),
        ("epochs {results} --events x.csv -o {tmp}/e", "x.csv: cannot be read as a table (No such file"),
        ("epochs {results} -o {tmp}/e", "the following arguments are required: --events; usage: fervideo epochs"),
        ("synchrony {results} --faces 0", "--faces 0: are not two faces; write for example --faces 0,1"),
        ("synchrony {results} b c", "c: is a third clip; give one clip with two faces, or two clips"),
        ("adopt {results}/a.summary.csv -o {tmp}/x", "a.summary.csv: is no table of OpenFace, py-feat, iMotions; see"),
        ("gather {results}", "the following arguments are required: -o/--output"),
    ],
)
def test_mistakes_are_one_line(refused, folder: Path, tmp_path: Path, words: str, message: str):
    root = tmp_path / "other"
    (root / "d.csv").mkdir(parents=True)
    assert message in refused(*words.format(tmp=root, results=folder).split())
