"""Times, regions, names and stretches as people write them, and forms that are none."""

import pytest

from fervideo.errors import UsageError
from fervideo.settings import Settings, cache_digests, load, values
from fervideo.settings.values import Region


def video(**values: object) -> Settings:
    return load(None, [("", f"video.{key}={value}") for key, value in values.items()])


@pytest.mark.parametrize(
    ("text", "time_s"),
    [("3.5", 3.5), ("0:03.5", 3.5), ("1:15", 75.0), ("00:01:15", 75.0), ("1:00:00.25", 3600.25), ("90", 90.0)],
)
def test_times_are_seconds_or_clocks(text: str, time_s: float):
    # TOML itself knows 00:01:15 as a time of day.
    assert video(from_s=text).video.from_s == time_s
    assert video(to_s=f'"{text}"').video.to_s == time_s


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("video.from_s=soon", "video.from_s = 'soon' is not possible; it is: seconds or hh:mm:ss, or unset"),
        ("video.from_s=-1", "it is: seconds or hh:mm:ss"),
        ("video.to_s=0", "video.to_s = 0 is not after video.from_s = 0; give a later end"),
        ("video.region=1,2,3", "it is: x,y,width,height in pixels or with %, or unset"),
        ("video.region=0,0,-5,9", "it is: x,y,width,height in pixels"),
        ("measures.names=therapist", "it is: POSITION=NAME,..."),
        ("measures.names=left=a,left=b", "it is: POSITION=NAME,..."),
        ("measures.names=left=a,right=a", "it is: POSITION=NAME,..."),
        ("measures.names=up=a", "it is: POSITION=NAME,..."),
        ("measures.names=left=all", "it is: POSITION=NAME,..."),
        ("measures.names=left=3", "it is: POSITION=NAME,..."),
    ],
)
def test_other_forms_are_refused(change: str, message: str):
    with pytest.raises(UsageError) as raised:
        load(None, [("--set", change)])
    assert message in str(raised.value)


def test_an_end_comes_after_the_start():
    with pytest.raises(UsageError, match=r"^--to 3: video\.to_s = 3 is not after video\.from_s = 4"):
        load(None, [("--from 4", "video.from_s=4"), ("--to 3", "video.to_s=3")])


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("10, 20,30,40", Region(10, 20, 30, 40)),
        ("50%,0,50%,100%", Region(320, 0, 320, 480)),
        ("33.3%,0,66.7%,100%", Region(213, 0, 427, 480)),
        ("600,0,50,50", None),
        ("0,0,15,200", None),
    ],
)
def test_regions_lie_in_the_picture(text: str, region: Region | None):
    assert values.region_px(values.region(text), 640, 480) == region


def test_names_belong_to_places():
    assert values.positions(" left = Dr. No ,1=client") == {"left": "Dr. No", "1": "client"}
    assert load(None, [("", "measures.names= left=a, right=b")]).measures.names == "left=a,right=b"


def test_a_stretch_of_time_shares_the_faces_of_the_whole_and_a_region_does_not():
    whole, part, region = map(cache_digests, (Settings(), video(from_s=3, to_s=5), video(region="0,0,50%,50%")))
    assert part[0] == whole[0] != region[0]
    assert part[1] != whole[1] == region[1]
