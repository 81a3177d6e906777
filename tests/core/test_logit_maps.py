"""Class maps and counts from logits are those of the literal way, whatever is left out on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soundvis_core.models import logit_maps
from soundvis_core.models.logit_maps import class_counts, class_map
from soundvis_core.models.torch_stack import torch_stack
from tests.builders.class_maps import literal_class_map

torch_stack()
torch.set_num_threads(1)


def is_tie(logits, size, codes, threshold):
    """Where the best two classes, or the best and the threshold, differ by no more than rounding: (h, w)."""
    maps = torch.nn.functional.interpolate(
        logits[None].double(), size=size, mode="bilinear", align_corners=False
    )
    chances = torch.sigmoid(maps[0])
    classes = [
        chances[[at for at, code in enumerate(codes) if code == one]].amax(0) for one in sorted(set(codes))
    ]
    best, *rest = torch.stack(classes).sort(0, descending=True).values
    rounding = 1e-6 * best + 1e-30
    # Saturated probabilities of float32 are equal from logits of about 16 on.
    close = (best - threshold).abs() <= rounding
    return (close | ((best - rest[0]) <= rounding) if rest else close).numpy()


def test_logits_are_upsampled_before_they_are_compared():
    # In the middle between two places logits give the second prompt (10 - 7) / 2 = 1.5 against 1; probabilities
    # would give it (0.99995 + 0.0009) / 2 = 0.5 against 0.73.
    logits = torch.tensor([[[1.0, 1.0]], [[10.0, -7.0]]])
    assert class_map(logits, (1, 3), (1, 2))[0].tolist() == [2, 2, 1]
    # And the class is not that of the nearest logit: the second prompt leads from three quarters of the way on.
    logits = torch.tensor([[[0.0, 0.0]], [[-3.0, 1.0]]])
    assert class_map(logits, (1, 8), (1, 2))[0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2]


def test_classes_take_their_best_prompt():
    # Class 1 has two fair prompts, class 2 one good one.
    logits = torch.tensor([0.3, 0.4, 0.5]).view(3, 1, 1).expand(3, 4, 4)
    assert (class_map(logits, (9, 9), (1, 1, 2)) == 2).all()
    assert (class_map(logits, (9, 9), (1, 2, 1)) == 1).all()
    # Equal ones: the first in the list.
    assert (class_map(torch.zeros(3, 4, 4), (9, 9), (5, 1, 2)) == 5).all()


def test_one_class_alone_has_a_threshold_too():
    logits = torch.linspace(-3, 3, 16).view(1, 1, 16).expand(1, 16, 16)
    found = class_map(logits, (16, 16), (4,), 0.5)
    assert (found[:, :8] == 0).all() and (found[:, 8:] == 4).all()
    assert (class_map(logits, (16, 16), (4,), 0.0) == 4).all()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 12), st.integers(1, 20), st.integers(1, 20), st.integers(1, 90), st.integers(1, 90),
    st.sampled_from([0.0, 0.1, 0.5]), st.sampled_from([0.01, 1.0, 4.0, 300.0]), st.integers(0, 10**6),
)  # fmt: skip
@example(1, 4, 3, 16, 42, 0.1, 4.0, 0)  # the last band holds two rows of cells, and two rows of logits only
def test_settled_cells_change_nothing(prompts, rows, columns, height, width, threshold, spread, seed):
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(-0.5, spread, (prompts, rows, columns)).astype(np.float32))
    if rows > 4 and columns > 4:  # smooth, as a model's are: most cells are settled
        logits = torch.nn.functional.interpolate(logits[None], scale_factor=4, mode="bicubic")[0]
    codes = rng.integers(1, 5, prompts).tolist()
    expected = literal_class_map(logits, (height, width), codes, threshold)
    found = class_map(logits, (height, width), codes, threshold)
    undecided = is_tie(logits, (height, width), codes, threshold)
    assert np.array_equal(found[~undecided], expected[~undecided])
    for pixels in (1, 500):  # rows of cells together or apart
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logit_maps, "_PIXELS_ON_CPU", pixels)
            again = class_map(logits, (height, width), codes, threshold)
            assert np.array_equal(again[~undecided], expected[~undecided])
    counts = class_counts(logits, (height, width), codes, threshold)
    assert np.array_equal(counts, np.bincount(found.ravel(), minlength=256))


def test_settled_cells_stay_beside_open_ones():
    # The upper rows are settled for the third prompt, which has no chance in the open cells below them.
    logits = torch.full((3, 12, 6), -20.0)
    logits[2, :5] = 8.0
    logits[0, 5:] = logits[1, 5:] = torch.linspace(1, 2, 6)
    logits[0, 8:, 3:] += 0.3
    for size in ((24, 12), (100, 60), (700, 500)):
        for threshold in (0.0, 0.5):
            expected = literal_class_map(logits, size, (3, 2, 1), threshold)
            assert np.array_equal(class_map(logits, size, (3, 2, 1), threshold), expected)


def test_a_map_leaves_torchs_threads_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        class_map(torch.randn(2, 5, 5), (20, 20), (1, 2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
