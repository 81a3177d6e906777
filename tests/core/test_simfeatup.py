"""SimFeatUp's steps against the literal equations, and the traps of its definition one by one."""

from __future__ import annotations

import numpy as np
import pytest
import segearth_reference as reference
import torch
import torch.nn.functional as functional

from soundvis_core.models.segearth.simfeatup import SimFeatUp, expected_shapes
from tests.builders.segearth_checkpoints import random_upsampler

torch.set_num_threads(1)


def crops(count=1, seed=0):
    return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(seed))


def features(size, channels=5, count=1):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(size))


def double(state, maps, pictures, **kwargs):
    with torch.inference_mode():
        result = SimFeatUp(state).double(maps.permute(0, 2, 3, 1).contiguous(), pictures, **kwargs)
    return result.permute(0, 3, 1, 2)


def plain(**changes):
    """All pixels look alike (uniform R), no fixup: what is not changed has no influence."""
    state = {name: torch.zeros(shape) for name, shape in expected_shapes(5).items()}
    return {**state, "up.sigma_spatial": torch.tensor(1.0), **changes}


@pytest.mark.parametrize("size", [14, 28, 56, 112])
def test_a_step_is_the_equation(size):
    state, maps, pictures = random_upsampler(5), features(size), crops()
    expected = reference.upsample_step(maps, pictures, state)
    assert torch.allclose(double(state, maps, pictures), expected, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.2, 0.05])
def test_narrow_reach_where_the_clamp_may_act(sigma):
    state = {
        **random_upsampler(5),
        "up.sigma_spatial": torch.tensor(sigma),
        "up.range_temp": torch.tensor(2.0),
    }
    maps, pictures = features(14), crops()
    expected = reference.upsample_step(maps, pictures, state)
    assert torch.allclose(double(state, maps, pictures), expected, atol=2e-5, rtol=1e-5)


def test_sum_below_the_clamp_is_divided_by_the_clamp():
    # The range kernel is all on a far tap, where the spatial one is nothing: sum R S is far below 1e-7.
    model = SimFeatUp(plain(**{"up.sigma_spatial": torch.tensor(0.2)}))
    scores = torch.zeros(1, 121)
    scores[0, 0] = 60.0
    weight = model.normalised(scores)[0, 0].item()
    assert weight == pytest.approx(np.exp(-2 / (2 * 0.2**2)) / 1e-7, rel=1e-4)


def test_batches_and_parts_do_not_matter(monkeypatch):
    state, maps, pictures = random_upsampler(5), features(28, count=3), crops(3)
    expected = torch.cat([double(state, maps[i : i + 1], pictures[i : i + 1]) for i in range(3)])
    for pixels in (1, 900, 7000, 10**9):
        monkeypatch.setattr("soundvis_core.models.segearth.simfeatup._CPU_PIXELS", pixels)
        assert torch.allclose(double(state, maps, pictures), expected, atol=1e-6)


def test_finish_sees_every_pixel_of_its_crops(monkeypatch):
    monkeypatch.setattr("soundvis_core.models.segearth.simfeatup._CPU_PIXELS", 900)
    state, maps, pictures = random_upsampler(5), features(28, count=2), crops(2)
    factors = torch.tensor([2.0, -3.0])
    found = double(
        state, maps, pictures, finish=lambda pixels, which: pixels[..., :2] * factors[which, None, None, None]
    )
    expected = double(state, maps, pictures)[:, :2] * factors[:, None, None, None]
    assert torch.allclose(found, expected, atol=1e-6)


def test_weights_are_not_normalised_again_after_the_fixup():
    bias = torch.linspace(-1, 3, 121)
    state = plain(**{"up.fixup_proj.3.bias": bias})
    found = double(state, torch.ones(1, 5, 14, 14), crops())
    assert torch.allclose(found, torch.full_like(found, 1 + 0.1 * bias.sum().item()), atol=1e-4)


@pytest.mark.parametrize(("dy", "dx"), [(0, 3), (-5, 0), (5, -5), (2, -1)])
def test_taps_are_row_major_on_bicubic_features_without_aligned_corners(dy, dx):
    bias = torch.zeros(121)
    bias[(dy + 5) * 11 + dx + 5] = 10.0
    maps, pictures = features(14), crops()
    found = double(plain(**{"up.fixup_proj.3.bias": bias}), maps, pictures) - double(plain(), maps, pictures)
    larger = functional.interpolate(maps, scale_factor=2, mode="bicubic", align_corners=False)
    rows = np.abs(np.arange(28) + dy)
    columns = np.abs(np.arange(28) + dx)
    rows, columns = np.minimum(rows, 54 - rows), np.minimum(columns, 54 - columns)
    assert torch.allclose(found, larger[:, :, rows][:, :, :, columns], atol=1e-5)


@pytest.mark.parametrize(("exponent", "scale"), [(-30.0, 100.0), (30.0, 0.01)])
def test_the_temperature_is_clamped_at_1e4_and_its_inverse(exponent, scale):
    state = {**random_upsampler(5), "up.range_temp": torch.tensor(0.0)}
    # Scores are products of two projections: at the bound, temperature and scale take each other away.
    second = {name: scale * values for name, values in state.items() if name.startswith("up.range_proj.3")}
    clamped = {**state, **second, "up.range_temp": torch.tensor(exponent)}
    maps, pictures = features(14), crops()
    assert torch.allclose(double(clamped, maps, pictures), double(state, maps, pictures), atol=1e-5)


def test_names_and_shapes_of_the_checkpoint():
    shapes = expected_shapes(512)
    assert shapes["up.range_temp"] == shapes["up.sigma_spatial"] == ()
    assert shapes["up.range_proj.0.weight"] == (32, 3, 1, 1)
    assert shapes["up.range_proj.3.weight"] == (32, 32, 1, 1)
    assert shapes["up.fixup_proj.0.weight"] == (121, 124, 1, 1)
    assert shapes["up.fixup_proj.3.weight"] == (121, 121, 1, 1)
    assert shapes["fixup_proj.1.weight"] == (512, 512, 1, 1)
    assert shapes["fixup_proj.1.bias"] == (512,)
    assert len(shapes) == 12
