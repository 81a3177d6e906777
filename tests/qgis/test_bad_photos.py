"""Every kind of photo, good, odd and broken, in one layer: each site has its status, and none is lost."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import vector

from tests.builders import photos

#: What the reasons say, beyond the name of the file.
REASONS = {
    "truncated_jpeg": "truncated or corrupt",
    "truncated_png": "truncated or corrupt",
    "corrupt_png": "truncated or corrupt",
    "bomb_png": "megapixels is the most",
    "text_as_jpeg": "is not a photo that can be read",
    "heic_like": "Convert it to JPEG first",
    "empty_file": "is empty (0 bytes)",
    "tiny_png": "has only 15 x 40 pixels",
    "missing": "does not exist",
    "folder": "is a folder, not a photo",
    "null": "the path field is empty",
}
STATUSES = {
    **dict.fromkeys(photos.GOOD, "ok"),
    **{f"rotated_{turn}": "ok" for turn in range(1, 9)},
    **{builder.__name__: status for builder, status in photos.BAD.items()},
    "missing": "failed",
    "folder": "failed",
    "null": "skipped",
}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    def place(name):
        return tmp_path_factory.mktemp(name)

    made = {name: builder(place(name)) for name, builder in photos.GOOD.items()}
    made.update({f"rotated_{turn}": photos.rotated(place("turned"), turn) for turn in range(1, 9)})
    made.update({builder.__name__: builder(place(builder.__name__)) for builder in photos.BAD})
    made["folder"] = place("folder")
    made["missing"] = made["folder"] / "missing.jpg"
    return made


@pytest.fixture
def layer(make_points, zoo):
    names = [*zoo, "null"]
    return make_points(
        [(index, 0) for index in range(len(names))],
        {"kind": names, "photo": [str(zoo[name]) if name in zoo else None for name in names]},
    )


@pytest.mark.parametrize(
    ("tool", "status", "reason", "value"),
    [
        ("embedphotos", "st_status", "st_reason", "st_emb"),
        ("segmentphotos", "st_seg_status", "st_seg_reason", "st_sky"),
    ],
)
def test_each_has_its_status_and_reason(run, layer, zoo, tool, status, reason, value):
    made = run(tool, {"INPUT": layer, "PATH_FIELD": "photo"})
    rows = made.features()
    assert [row["kind"] for row in rows] == [*zoo, "null"]
    assert len(rows) == len(STATUSES) == 35
    assert {row["kind"]: row[status] for row in rows} == STATUSES
    for row in rows:
        if row[status] == "ok":
            assert row[reason] is None
            assert row[value] is not None
        else:
            assert REASONS[row["kind"]] in row[reason]
            assert row[value] is None
    assert made.feedback.warnings == [
        f"35 sites: 24 ok, 9 failed, 2 skipped. The reasons are in the field '{reason}'."
    ]


def test_one_picture_in_many_wrappings_is_one_embedding(run, layer):
    """16 bits, palette, WebP, another extension, all EXIF rotations: alike to a cosine of 0.99."""
    rows = {
        row["kind"]: row for row in run("embedphotos", {"INPUT": layer, "PATH_FIELD": "photo"}).features()
    }
    reference = vector(rows["plain_png"]["st_emb"])
    same = ["plain_jpeg", "webp", "rgb16_tiff", "rgb16_png", "palette_png", "wrong_extension"]
    same += [f"rotated_{turn}" for turn in range(1, 9)]
    for name in same:
        other = vector(rows[name]["st_emb"])
        cosine = reference @ other / np.linalg.norm(reference) / np.linalg.norm(other)
        assert cosine > 0.99, name
    grey = vector(rows["grey16_png"]["st_emb"])
    np.testing.assert_allclose(vector(rows["grey_png"]["st_emb"]), grey, atol=1e-4)
