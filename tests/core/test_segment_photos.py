"""Shares of photos: light models by the names they find, trained ones by the class map at the photo's own size."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from soundvis_core.classes import load_classes
from soundvis_core.errors import Cancelled, InputError, SiteError
from soundvis_core.progress import NO_PROGRESS, NoProgress
from soundvis_core.segment_photos import DEFAULT_THRESHOLD, segment_photo, segment_photos
from tests.builders import photos

STREET = load_classes("paper-street")
THREE = load_classes("road, street; tree; water")


class Fixed:
    """A light model that always finds the same."""

    def shares(self, image):
        assert image.dtype == np.uint8 and image.shape[2] == 3
        return {"Sky": 0.3, "Vegetation": 0.5, "Street": 0.2}


class Prompted:
    """A trained model whose logits are the picture's channels: red for the first prompt, then green, blue, grey."""

    batch_size = 3

    def __init__(self):
        self.batches = []
        self.prompts = None
        self.model_threads = set()

    def prepare(self, item):
        small = Image.fromarray(item).resize((8, 8), Image.Resampling.BOX)
        return np.asarray(small, np.float32).transpose(2, 0, 1) / 255

    def logits(self, batch, prompts):
        self.batches.append(len(batch))
        self.prompts = tuple(prompts)
        self.model_threads.add(threading.get_ident())
        channels = [torch.from_numpy(item) * 20 - 10 for item in batch]
        return [torch.cat([item, item.mean(0, keepdim=True)])[: len(prompts)] for item in channels]


def picture(folder, name, colours):
    """Vertical stripes of equal width."""
    image = np.zeros((60, 40 * len(colours), 3), np.uint8)
    for number, colour in enumerate(colours):
        image[:, 40 * number : 40 * (number + 1)] = colour
    Image.fromarray(image).save(folder / name)
    return str(folder / name)


RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def shares(paths, model, classes, threshold=0.1, progress=NO_PROGRESS):
    return list(segment_photos(paths, model, classes, threshold, progress))


def test_a_light_models_names_are_mapped_to_the_list(tmp_path):
    path = photos.plain_png(tmp_path)
    assert segment_photo(path, Fixed(), load_classes("colour-index")) == pytest.approx(
        {"Sky": 0.3, "Vegetation": 0.5, "Built": 0.0, "Road": 0.2}
    )
    street = segment_photo(path, Fixed(), STREET)
    assert street["unclassified"] == pytest.approx(0.3)
    assert street["Road"] == pytest.approx(0.2)
    with pytest.raises(SiteError):
        segment_photo(photos.truncated_png(tmp_path), Fixed(), load_classes("colour-index"))


def test_light_models_take_any_threshold(tmp_path):
    path = str(photos.plain_png(tmp_path))
    low, high = (shares([path], Fixed(), STREET, threshold)[0].values for threshold in (0.0, 1.0))
    assert low == high and sum(low.values()) == pytest.approx(1)


def test_a_trained_models_shares_are_those_of_its_class_map(tmp_path):
    model = Prompted()
    # Prompts: road, street, tree, water; red is "road", green "street", blue "tree".
    path = picture(tmp_path, "stripes.png", [RED, GREEN, BLUE, BLUE])
    (result,) = shares([path], model, THREE)
    assert model.prompts == ("road", "street", "tree", "water")
    assert result.status == "ok"
    assert list(result.values) == ["road", "tree", "water"]
    # Stripes end where one prompt's logits fall below the next one's, half-way between two columns of logits.
    assert result.values["road"] == pytest.approx(0.5, abs=0.01)
    assert result.values["tree"] == pytest.approx(0.5, abs=0.01)
    assert result.values["water"] == 0.0
    assert sum(result.values.values()) == pytest.approx(1)


def test_below_the_threshold_is_unclassified(tmp_path):
    path = picture(tmp_path, "half.png", [RED, BLACK])
    (strict,) = shares([path], Prompted(), THREE, 0.1)
    # Logits fall from 10 to -10 between two columns: above log(0.1 / 0.9) = -2.197 for 0.61 of that way.
    assert strict.values["road"] == pytest.approx(0.5 + (0.61 - 0.5) / 8, abs=0.01)
    assert strict.values["unclassified"] == pytest.approx(1 - strict.values["road"])
    (lax,) = shares([path], Prompted(), THREE, 0.0)
    assert "unclassified" not in lax.values
    (none,) = shares([path], Prompted(), THREE, 1.0)
    assert none.values == {"road": 0.0, "tree": 0.0, "water": 0.0, "unclassified": 1.0}


def test_photos_go_in_batches_and_bad_ones_alone(tmp_path):
    model = Prompted()
    good = [picture(tmp_path, f"{name}.png", [colour]) for name, colour in (("r", RED), ("b", BLUE))]
    tasks = [
        good[0],
        str(tmp_path / "absent.jpg"),
        SiteError("There is no photo here.", "skipped"),
        str(photos.truncated_png(tmp_path)),
        good[1],
        good[0],
        good[1],
    ]
    results = shares(tasks, model, THREE)
    assert [result.status for result in results] == ["ok", "failed", "skipped", "failed", "ok", "ok", "ok"]
    assert "does not exist" in results[1].reason
    assert results[2].reason == "There is no photo here."
    assert [results[number].values["road"] for number in (0, 4, 5, 6)] == [1, 0, 1, 0]
    assert sum(model.batches) == 4 and max(model.batches) <= model.batch_size
    assert len(model.model_threads) == 1 and threading.get_ident() not in model.model_threads


def test_values_that_are_no_numbers_fail_the_photo(tmp_path):
    class Broken(Prompted):
        def logits(self, batch, prompts):
            return [torch.full((len(prompts), 8, 8), float("nan")) for _ in batch]

    (result,) = shares([picture(tmp_path, "r.png", [RED])], Broken(), THREE)
    assert result.status == "failed" and "not finite" in result.reason


def test_a_run_can_be_cancelled(tmp_path):
    class Cancelling(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        shares([picture(tmp_path, "r.png", [RED])] * 20, Prompted(), THREE, 0.1, Cancelling())


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(InputError, match="between 0 and 1"):
        shares([], Fixed(), STREET, threshold)
    assert 0 < DEFAULT_THRESHOLD < 1


def test_prompts_of_the_street_classes():
    expected = {
        "Road": ("road", "street"),
        "Sidewalk": ("sidewalk", "footpath"),
        "Building": ("building", "house"),
        "Vegetation": ("tree", "grass", "plant"),
        "Waterbody": ("water", "river"),
        "Person": ("person", "people"),
        "Car, Truck, Bus, etc": ("car", "truck", "bus", "motorcycle"),
    }
    assert {entry.name: entry.prompts for entry in STREET.classes} == expected
    prompts, codes = STREET.prompts()
    assert len(set(prompts)) == len(prompts) and not any("etc" in prompt for prompt in prompts)
    assert codes[-4:] == (7, 7, 7, 7)
    # What the light model calls "Built" is still found in the paper's list.
    assert STREET.find("Built").name == "Building"
