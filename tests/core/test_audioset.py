"""The classes of AudioSet with their weights, and compositions from their probabilities."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from soundvis_core.bga.audioset import (
    AGGREGATIONS,
    THRESHOLD,
    SoundClass,
    SoundClasses,
    compose_windows,
    is_shuffled,
    load_sound_classes,
    top_tags,
)
from soundvis_core.errors import InputError, SiteError

# ------------------------------------------------------------------------------------------------ the classes


def index(name):
    return next(row.index for row in load_sound_classes().rows if row.name == name)


def windows(*heard):
    """Probabilities of windows: a mapping of names to probabilities each, 0.01 for the rest."""
    made = np.full((len(heard), 527), 0.01, dtype=np.float32)
    for window, names in zip(made, heard):
        for name, probability in names.items():
            window[index(name)] = probability
    return made


def test_pets_and_livestock_are_biophony_or_anthrophony():
    classes = load_sound_classes()
    with_pets, without = classes.categories(True), classes.categories(False)
    for name, kept, otherwise in [
        ("Dog", "biophony", "anthrophony"), ("Bleat", "biophony", "anthrophony"),
        ("Crowing, cock-a-doodle-doo", "biophony", "anthrophony"),
        ("Animal", "biophony", ""), ("Growling", "biophony", ""), ("Fowl", "biophony", ""),
        ("Bird", "biophony", "biophony"), ("Duck", "biophony", "biophony"), ("Honk", "biophony", "biophony"),
        ("Car", "anthrophony", "anthrophony"), ("Rain", "geophony", "geophony"), ("Silence", "", ""),
    ]:  # fmt: skip
        assert (with_pets[index(name)], without[index(name)]) == (kept, otherwise), name
    assert (np.array(with_pets) != np.array(without)).sum() == 10 + 16 + 5


def test_own_rows_replace_those_of_the_plugin(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "Class;Biophony;Geophony;Anthrophony;Threshold\nCowbell;0,5;-;0,5;\nbird;1;0;0;0,05\nWind;-;-;-;\n",
        encoding="utf-8-sig",
    )
    own, shipped = load_sound_classes(str(path)), load_sound_classes()
    assert own.rows[index("Cowbell")].weights == (0.5, 0.0, 0.5)
    assert own.categories()[index("Cowbell")] == "biophony+anthrophony"
    assert own.categories()[index("Wind")] == ""
    assert own.thresholds(0.3)[index("Bird")] == np.float32(0.05)
    assert own.thresholds(0.3)[index("Cowbell")] == np.float32(0.3)
    changed = {index("Cowbell"), index("Bird"), index("Wind")}
    assert [row for row in own.rows if row.index not in changed] == [
        row for row in shipped.rows if row.index not in changed
    ]


def test_own_rows_by_id_keep_their_group_and_may_say_unmapped(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "mid,biophony,geophony,anthrophony,source\n/m/0bt9lr,1,0,0,mine\n/m/0jbk,1,0,0,unmapped\n",
        encoding="utf-8",
    )
    own = load_sound_classes(str(path))
    assert own.categories(False)[index("Dog")] == "anthrophony"
    assert own.categories()[index("Animal")] == ""
    path.write_text("mid,biophony,geophony,anthrophony,group\n/m/0bt9lr,1,0,0,\n", encoding="utf-8")
    assert load_sound_classes(str(path)).categories(False)[index("Dog")] == "biophony"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("class,biophony,geophony,anthrophony\n", "no rows"),
        ("class,biophony,geophony\nBird,1,0\n", "no column anthrophony"),
        ("biophony,geophony,anthrophony\n1,0,0\n", "no column class"),
        ("class,biophony,geophony,anthrophony\nUnicorn,1,0,0\n", "Line 2: AudioSet has no class 'Unicorn'"),
        (
            "class,biophony,geophony,anthrophony\nBird,1,0,0\nbird,1,0,0\n",
            "Line 3: The class 'Bird' is also in line 2",
        ),
        ("class,biophony,geophony,anthrophony\nBird,1.5,0,0\n", "Line 2: The column biophony says 1.5"),
        ("class,biophony,geophony,anthrophony\nBird,-1,0,0\n", "negative"),
        ("class,biophony,geophony,anthrophony\nBird,much,0,0\n", "says 'much'"),
        ("class,biophony,geophony,anthrophony\nBird,0,5,0,0\n", "Line 2: The row has 5 cells, the header 4"),
        ("class,biophony,geophony,anthrophony,threshold\nBird,1,0,0,20\n", "threshold says 20"),
        ("class,biophony,geophony,anthrophony,group\nBird,1,0,0,farm\n", "group says 'farm'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_sound_classes(str(path))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_sound_classes(str(tmp_path / "none.csv"))


# -------------------------------------------------------------------------------------------------- by hand

#: Four windows: birds and a car; birds; rain; nothing with weights.
FOUR = (
    {"Bird": 0.6, "Chirp, tweet": 0.3, "Car": 0.25},
    {"Bird": 0.9, "Rain": 0.1},
    {"Rain": 0.5, "Silence": 0.2, "Wind noise (microphone)": 0.9},
    {"Silence": 0.8, "Wind": 0.15},
)


def test_shares_of_windows_by_hand():
    found = compose_windows(windows(*FOUR), load_sound_classes(), 0.2)
    assert found.raw == pytest.approx((2 / 4, 1 / 4, 1 / 4))
    assert found.normalised == pytest.approx((0.5, 0.25, 0.25))
    assert found.unmapped == pytest.approx(1 / 4)
    assert found.dominant == "biophony"
    assert found.evenness == pytest.approx((0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(3))


def test_the_threshold_by_hand():
    classes = load_sound_classes()
    assert compose_windows(windows(*FOUR), classes, 0.15).raw == pytest.approx((2 / 4, 2 / 4, 1 / 4))
    assert compose_windows(windows(*FOUR), classes, 0.55).raw == pytest.approx((2 / 4, 0.0, 0.0))
    # At the threshold is over it, also where 32 and 64 bits write the number differently.
    for number in (0.1, 0.2, 0.3, 0.7, 0.9):
        assert compose_windows(windows({"Bird": number}), classes, number).raw == (1.0, 0.0, 0.0)
    assert THRESHOLD == 0.2


def test_maximum_and_noisy_or_by_hand():
    """Three classes beside their unmapped neighbour, so that the products can be worked out."""
    rows = [
        SoundClass(0, "a", "Bird", (1.0, 0.0, 0.0)), SoundClass(1, "b", "Frog", (1.0, 0.0, 0.0)),
        SoundClass(2, "c", "Car", (0.0, 0.0, 1.0)), SoundClass(3, "d", "Cowbell", (0.5, 0.0, 0.5)),
        SoundClass(4, "e", "Silence", (0.0, 0.0, 0.0)),
    ]  # fmt: skip
    classes = SoundClasses(tuple(rows))
    heard = np.array([[0.5, 0.2, 0.1, 0.4, 0.9], [0.0, 0.1, 0.8, 0.0, 0.0]])
    largest = compose_windows(heard, classes, 0.3, "maximum")
    assert largest.raw == pytest.approx((0.5 * (0.5 + 0.1), 0.0, 0.5 * (0.2 + 0.8)), rel=1e-6)
    either = compose_windows(heard, classes, 0.3, "noisy-or")
    bio = 0.5 * ((1 - 0.5 * 0.8 * 0.8) + (1 - 1.0 * 0.9 * 1.0))
    ant = 0.5 * ((1 - 0.9 * 0.8) + (1 - 0.2 * 1.0))
    assert either.raw == pytest.approx((bio, 0.0, ant), rel=1e-6)
    assert compose_windows(heard, classes, 0.3).raw == (0.5, 0.0, 0.75)  # cowbell is half of each
    assert largest.unmapped == either.unmapped == 0.0


def test_pets_by_hand():
    classes = load_sound_classes()
    barking = windows({"Dog": 0.8, "Bark": 0.7, "Animal": 0.9}, {"Bird": 0.5, "Animal": 0.4})
    assert compose_windows(barking, classes).raw == (1.0, 0.0, 0.0)
    assert compose_windows(barking, classes, pets=False).raw == (0.5, 0.0, 0.5)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_where_nothing_is_heard_there_is_no_composition(aggregation):
    found = compose_windows(windows({"Silence": 0.95}, {}), load_sound_classes(), 0.2, aggregation)
    assert (found.raw, found.normalised, found.dominant, found.evenness) == (None, None, None, None)
    assert found.unmapped == 1.0


def test_a_model_of_other_classes_is_refused():
    classes = load_sound_classes()
    with pytest.raises(InputError, match=r"names 50 classes.*527 of AudioSet"):
        compose_windows(np.zeros((2, 50)), classes)
    with pytest.raises(InputError, match="0 classes"):
        compose_windows(np.float32(0.5), classes)


def test_what_are_no_probabilities_fails_the_site():
    classes = load_sound_classes()
    for value in (np.nan, np.inf, -0.5, 1.5):
        with pytest.raises(SiteError, match="not numbers from 0 to 1"):
            compose_windows(windows({"Bird": value}), classes)
    with pytest.raises(SiteError, match="no windows"):
        compose_windows(np.zeros((0, 527)), classes)


def test_parameters_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="median"):
        compose_windows(windows({}), load_sound_classes(), 0.2, "median")
    for threshold in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="between 0 and 1"):
            compose_windows(windows({}), load_sound_classes(), threshold)


def test_the_tags_that_stand_for_a_recording():
    classes = load_sound_classes()
    assert top_tags(windows(*FOUR), classes) == "Bird (50%); Silence (50%); Wind noise (microphone) (25%)"
    assert top_tags(windows({}, {}), classes) == ""
    # Equally often: the more probable first, then the order of the classes.
    tied = windows({"Car": 0.5, "Bird": 0.7, "Rain": 0.5, "Speech": 0.4})
    assert top_tags(tied, classes) == "Bird (100%); Rain (100%); Car (100%)"
    assert top_tags(tied, classes, count=1) == "Bird (100%)"


# -------------------------------------------------------------------------------------------- what must hold

numbers = st.floats(0.0, 1.0, width=32)
recordings = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(12)), elements=numbers)
fractions = arrays.arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 0.0, 0.25, 1.0]))


def of(weights):
    return SoundClasses(
        tuple(
            SoundClass(at, f"m{at}", f"class {at}", tuple(map(float, row))) for at, row in enumerate(weights)
        )
    )


def slow(probabilities, weights, threshold, aggregation):
    """The definitions again, number by number."""
    raw = [0.0, 0.0, 0.0]
    some = 0
    for window in probabilities:
        some += any(p >= np.float32(threshold) and max(row) > 0 for p, row in zip(window, weights))
        for category in range(3):
            largest, product = 0.0, 1.0
            for p, row in zip(window, weights):
                if aggregation == "share" and p >= np.float32(threshold):
                    largest = max(largest, row[category])
                if aggregation == "maximum":
                    largest = max(largest, row[category] * float(p))
                product *= 1.0 - row[category] * float(p)
            raw[category] += largest if aggregation != "noisy-or" else 1.0 - product
    count = len(probabilities)
    return ([value / count for value in raw] if some else None), 1.0 - some / count


@settings(max_examples=150, deadline=None)
@given(recordings, fractions, numbers, st.sampled_from(AGGREGATIONS))
def test_it_is_what_the_definition_says(probabilities, weights, threshold, aggregation):
    found = compose_windows(probabilities, of(weights), threshold, aggregation)
    raw, unmapped = slow(probabilities, weights, threshold, aggregation)
    assert found.unmapped == pytest.approx(unmapped, abs=1e-6)
    assert (found.raw is None) == (raw is None)
    if raw is not None:
        assert found.raw == pytest.approx(raw, rel=1e-6, abs=1e-7)
        assert all(0.0 <= value <= 1.0 for value in found.raw)


@settings(max_examples=60, deadline=None)
@given(recordings, st.floats(0.0, 1.0), st.randoms(use_true_random=False))
def test_windows_may_come_in_any_order_and_often(probabilities, threshold, random):
    classes = of(np.eye(3)[[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]])
    first = compose_windows(probabilities, classes, threshold)
    shuffled = np.array(random.sample(list(probabilities), len(probabilities)))
    for other in (shuffled, np.repeat(probabilities, 3, axis=0)):
        again = compose_windows(other, classes, threshold)
        assert again.unmapped == pytest.approx(first.unmapped, abs=1e-9)
        assert (again.raw is None) == (first.raw is None)
        if first.raw is not None:
            assert again.raw == pytest.approx(first.raw, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(recordings, st.floats(0.0, 0.5), st.floats(0.5, 1.0))
def test_a_higher_threshold_hears_less(probabilities, low, high):
    classes = of(np.eye(3)[[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]])
    more, less = compose_windows(probabilities, classes, low), compose_windows(probabilities, classes, high)
    assert less.unmapped >= more.unmapped - 1e-9
    assert all(b <= a + 1e-9 for a, b in zip(more.raw or (0, 0, 0), less.raw or (0, 0, 0)))
    if more.raw is not None:
        # Some class is heard in all windows but the unmapped ones.
        assert max(more.raw) <= 1.0 - more.unmapped + 1e-9 <= sum(more.raw) + 2e-9


@lru_cache(maxsize=1)
def of_audioset():
    return load_sound_classes()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.dictionaries(st.integers(0, 526), st.floats(0.0, 1.0), max_size=5), min_size=1, max_size=4),
    st.booleans(),
)
def test_unmapped_classes_change_nothing(heard, pets):
    probabilities = np.full((len(heard), 527), 0.01, dtype=np.float32)
    for window, tags in zip(probabilities, heard):
        for at, probability in tags.items():
            window[at] = probability
    without = probabilities.copy()
    without[:, ~of_audioset().weights(pets).any(axis=1)] = 0.0
    assert compose_windows(probabilities, of_audioset(), pets=pets) == compose_windows(
        without, of_audioset(), pets=pets
    )


# -------------------------------------------------------------------------------------------- the order of labels


def test_labels_in_another_order_are_noticed():
    classes = load_sound_classes()
    names = [row.name for row in classes.rows]
    assert not is_shuffled(names, classes)
    assert is_shuffled(names[::-1], classes)
    assert is_shuffled(sorted(names), classes)
    assert is_shuffled([*names[1:], names[0]], classes)


def test_other_spellings_and_labels_without_names_are_no_other_order():
    classes = load_sound_classes()
    names = [row.name for row in classes.rows]
    assert not is_shuffled([name.upper().replace(",", " -") for name in names], classes)
    assert not is_shuffled([f"LABEL_{number}" for number in range(527)], classes)
    assert not is_shuffled(["renamed", *names[1:]], classes)
