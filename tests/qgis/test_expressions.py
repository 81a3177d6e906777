"""The expression functions, as QGIS evaluates them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextScope,
    QgsExpressionContextUtils,
    QgsFeature,
)

from soundvis_qgis.compat import is_null
from soundvis_qgis.expressions import register, unregister

A = np.array([3.0, 4.0, 0.0], dtype="<f4")
B = np.array([4.0, 3.0, 0.0], dtype="<f4")


@pytest.fixture(scope="module", autouse=True)
def functions(qgis_app):
    names = register()
    yield names
    unregister(names)


@pytest.fixture
def evaluate(make_points):
    """``evaluate(expression, values)``: the result with ``values`` as fields; raises the evaluation error."""

    def run(expression: str, **values):
        layer = make_points([(0, 0)], {name: [value] for name, value in values.items()} or {"x": [1]})
        feature = next(layer.getFeatures())
        parsed = QgsExpression(expression)
        assert not parsed.hasParserError(), parsed.parserErrorString()
        context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
        context.setFeature(feature)
        result = parsed.evaluate(context)
        if parsed.hasEvalError():
            raise ValueError(parsed.evalErrorString())
        return None if is_null(result) else result

    return run


def test_names_and_help(functions):
    assert functions == ["soundvis_vector", "soundvis_cosine", "soundvis_bga_color"]
    for name in functions:
        index = QgsExpression.functionIndex(name)
        assert index >= 0
        function = QgsExpression.Functions()[index]
        assert function.group() == "SoundVis"
        assert f"<h3>{name}(" in function.helpText()


def test_vector_of_bytes_text_and_list(evaluate):
    assert evaluate('soundvis_vector("e")', e=A.tobytes()) == [3.0, 4.0, 0.0]
    assert evaluate('soundvis_vector("e")', e="[3, 4.5, -1e3]") == [3.0, 4.5, -1000.0]
    assert evaluate("soundvis_vector(array(1, 2.5))") == [1.0, 2.5]
    assert evaluate('array_get(soundvis_vector("e"), 1)', e=A.tobytes()) == 4.0
    assert evaluate('array_length(soundvis_vector("e"))', e=np.zeros(768, "<f4").tobytes()) == 768


def test_vector_of_null_is_null(evaluate):
    assert evaluate("soundvis_vector(NULL)") is None
    assert evaluate('soundvis_vector("e")', e=None) is None


@pytest.mark.parametrize("value", ["no list", "{}", "5", '["a"]', b"12345"])
def test_vector_of_something_else_is_an_error(evaluate, value):
    with pytest.raises(ValueError, match="soundvis_vector: "):
        evaluate('soundvis_vector("e")', e=value)


@pytest.mark.parametrize("value", ["4", "8000000000", "2.5", "map('a', 1)", "make_point(1, 2)"])
def test_vector_of_a_number_is_an_error_not_so_many_zeros(evaluate, value):
    with pytest.raises(ValueError, match=r"soundvis_vector: .* is neither bytes nor text nor a list"):
        evaluate(f"soundvis_vector({value})")


def test_cosine_by_hand(evaluate):
    # (3, 4) and (4, 3): 24 / 25.
    assert evaluate('soundvis_cosine("a", "b")', a=A.tobytes(), b=B.tobytes()) == pytest.approx(
        0.96, abs=1e-7
    )
    assert evaluate('soundvis_cosine("a", "b")', a=A.tobytes(), b=json.dumps(B.tolist())) == pytest.approx(
        0.96
    )
    assert evaluate('soundvis_cosine("a", "a")', a=A.tobytes()) == pytest.approx(1.0)
    assert evaluate("soundvis_cosine(array(1, 0), array(-1, 0))") == -1.0
    assert evaluate("soundvis_cosine(array(1, 0), array(1, 1))") == pytest.approx(math.sqrt(0.5))


def test_cosine_without_a_direction_or_a_value_is_null(evaluate):
    assert evaluate('soundvis_cosine("a", "b")', a=A.tobytes(), b=np.zeros(3, "<f4").tobytes()) is None
    assert evaluate('soundvis_cosine("a", NULL)', a=A.tobytes()) is None


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (A.tobytes(), B[:2].tobytes(), "3 and 2 dimensions"),
        (A.tobytes(), "words", "soundvis_cosine: "),
        (b"abc", A.tobytes(), "not float32"),
    ],
)
def test_cosine_of_what_does_not_fit_is_an_error(evaluate, a, b, said):
    with pytest.raises(ValueError, match=said):
        evaluate('soundvis_cosine("a", "b")', a=a, b=b)


@pytest.mark.parametrize(
    ("bio", "geo", "ant", "colour"),
    [
        (1, 0, 0, "0,158,115"),  # bluish green
        (0, 1, 0, "0,114,178"),  # blue
        (0, 0, 1, "213,94,0"),  # vermilion
        (0.5, 0, 0.5, "106,126,58"),  # (213/2, 252/2, 115/2), halves to even
        (2, 2, 4, "106,115,73"),  # (426/4 = 106.5, 460/4, 293/4): need not sum to 1
    ],
)
def test_bga_color_mixes_the_three_colours(evaluate, bio, geo, ant, colour):
    assert evaluate('soundvis_bga_color("b", "g", "a")', b=float(bio), g=float(geo), a=float(ant)) == colour


def test_bga_color_of_nothing_is_null(evaluate):
    assert evaluate("soundvis_bga_color(NULL, 0.5, 0.5)") is None
    assert evaluate("soundvis_bga_color(0, 0, 0)") is None


@pytest.mark.parametrize("arguments", ["-0.1, 0.5, 0.6", "'green', 0, 0"])
def test_bga_color_of_bad_numbers_is_an_error(evaluate, arguments):
    with pytest.raises(ValueError, match="soundvis_bga_color: "):
        evaluate(f"soundvis_bga_color({arguments})")


def test_a_wrong_number_of_arguments_is_a_parser_error():
    assert QgsExpression("soundvis_cosine(1)").hasParserError()


def test_without_a_feature_or_layer():
    context = QgsExpressionContext()
    context.appendScope(QgsExpressionContextScope("test"))
    context.setFeature(QgsFeature())
    expression = QgsExpression("soundvis_bga_color(1, 0, 0)")
    assert expression.evaluate(context) == "0,158,115"


def test_unregistering_takes_them_back(functions):
    unregister(functions)
    assert QgsExpression.functionIndex("soundvis_vector") < 0
    assert register() == functions
    assert QgsExpression.functionIndex("soundvis_vector") >= 0
