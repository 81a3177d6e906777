"""Where outputs go: never over what is read, into a database and nothing beside it, and back when a run fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, read_features
from osgeo import gdal
from qgis.core import QgsDataSourceUri, QgsFields, QgsProcessingException, QgsVectorLayer

from soundvis_qgis.algorithms.base import Algorithm
from soundvis_qgis.layers.gdal_errors import gdal_exceptions
from soundvis_qgis.layers.masking import mask_secrets
from soundvis_qgis.layers.outputs import _kept, _StyleOnLoad
from soundvis_qgis.layers.overwriting import _address, same_file
from soundvis_qgis.layers.sinks import SiteSink, database_uri, is_database

SHARES = {"st_vegetation": [0.5, 1.0], "st_road": [0.5, 0.0]}
NUMBERS = {"a": [1.0, 2.0, 4.0, 3.0], "b": [1.0, 3.0, 2.0, 5.0]}


def points(count):
    return [(500000.0 + 10 * number, 5000000.0) for number in range(count)]


def table(path, name: str) -> str:
    return f"ogr:dbname='{path}' table=\"{name}\" (geom)"


def query(path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


@pytest.fixture
def shared(make_points, project, tmp_path) -> Path:
    """A GeoPackage with a table of sites, closed, and the user's own style beside it."""
    path = tmp_path / "multi.gpkg"
    layer = make_points(points(2), SHARES, path=path)
    project.removeMapLayer(layer.id())
    del layer
    path.with_suffix(".qml").write_text("the user's")
    return path


@pytest.mark.timeout(60)
def test_a_table_can_be_written_again(run, shared):
    """QGIS would ask whether to replace the styles of the first run, and wait for an answer for ever."""
    for share in (0.5, 1.0):
        source = f"{shared}|layername=sites"
        run("bgashares", {"INPUT": source, "PREFIX": "x_", "OUTPUT": table(shared, "bga")})
        styles = query(shared, "SELECT styleName, useAsDefault FROM layer_styles WHERE f_table_name = 'bga'")
        assert sorted(name for name, _ in styles) == ["BGA dominant", "BGA pies", "BGA ternary"], share
        assert [name for name, default in styles if default] == ["BGA pies"]


def test_what_goes_into_a_database_leaves_nothing_beside_it(run, shared, tmp_path):
    run("bgashares", {"INPUT": f"{shared}|layername=sites", "PREFIX": "x_", "OUTPUT": table(shared, "bga")})
    run(
        "embedsound",
        {"INPUT": f"{shared}|layername=bga", "PATH_FIELD": "x_dominant", "OUTPUT": table(shared, "emb")},
    )
    assert shared.with_suffix(".qml").read_text() == "the user's"
    assert {path.name for path in tmp_path.iterdir()} - {"multi.gpkg-wal", "multi.gpkg-shm"} == {
        "multi.gpkg", "multi.qml",
    }  # fmt: skip
    for name, field, label in (
        ("bga", "x_bio", "x_bio: Biophony (0-1)"),
        ("emb", "snd_emb", "snd_emb: Embedding"),
    ):
        layer = QgsVectorLayer(f"{shared}|layername={name}", name, "ogr")
        assert layer.attributeDisplayName(layer.fields().lookupField(field)).startswith(label)
        layer.loadDefaultMetadata()
        assert any(line.startswith("tool: soundvis:") for line in layer.metadata().history())


@pytest.mark.parametrize("source", ["{path}", "{path}|layername=sites", "{path}|layerid=0"])
def test_the_table_that_is_read_is_not_written(run, shared, source):
    parameters = {"INPUT": source.format(path=shared), "PREFIX": "x_", "OUTPUT": table(shared, "Sites")}
    with pytest.raises(AlgorithmError, match="overwrite the table that 'Sites' is read from"):
        run("bgashares", parameters)
    assert query(shared, "SELECT count(*) FROM sites") == [(2,)]


def test_a_link_to_the_file_that_is_read_is_not_written(run, shared, tmp_path):
    link = tmp_path / "link.gpkg"
    link.symlink_to(shared)
    for output in (str(link), table(link, "sites")):
        with pytest.raises(AlgorithmError, match="would overwrite"):
            run("bgashares", {"INPUT": str(shared), "PREFIX": "x_", "OUTPUT": output})
    assert query(shared, "SELECT count(*) FROM sites") == [(2,)]


def test_correlating_spares_the_sites(run, make_points, tmp_path):
    path = tmp_path / "s2.gpkg"
    layer = make_points(points(4), NUMBERS, path=path)
    blocks = {"SOUND": ["a"], "STREET": ["b"]}
    for output in (path, path.with_suffix("")):  # which QGIS makes s2.gpkg of
        with pytest.raises(AlgorithmError, match="output would overwrite the file"):
            run("correlatelayers", {"INPUT": layer, **blocks, "OUTPUT": str(output)})
    with pytest.raises(AlgorithmError, match="report would overwrite the file"):
        run("correlatelayers", {"INPUT": layer, **blocks, "REPORT": str(path)})
    assert [row["a"] for row in read_features(path)] == NUMBERS["a"]


def test_tables_of_servers_are_told_apart():
    def address(text):
        return _address(QgsDataSourceUri(text))

    mine = (
        "dbname='city' host=DB.example.org user='u' password='p' key='id' table=\"public\".\"sites\" (geom)"
    )
    assert address(mine) == address("dbname='city' host=db.example.org port=5432 table=\"sites\" (geom)")
    for other in (
        'dbname=\'city\' host=db.example.org table="other"."sites" (geom)',
        "dbname='city' host=db.example.org table=\"sites2\" (geom)",
        "dbname='town' host=db.example.org table=\"sites\" (geom)",
        "dbname='city' host=elsewhere table=\"sites\" (geom)",
    ):
        assert address(mine) != address(other)
    assert database_uri("postgis:" + mine) == database_uri("postgres://" + mine) == ("postgres", mine)
    assert not any(map(is_database, ("C:/out.gpkg", "memory:", "TEMPORARY_OUTPUT", "out.gpkg", None)))


def test_capitals_on_windows(monkeypatch):
    from soundvis_qgis.layers import overwriting

    monkeypatch.setattr(overwriting.os.path, "normcase", str.lower)
    assert same_file("/data/Sites.gpkg", "/data/sites.GPKG")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("type=xyz&url=https://t.example/{z}.png?access_token=SECRET&zmax=19", "access_token=***&zmax=19"),
        (
            "type=xyz&url=https://t.example/%7Bz%7D.png%3Fapikey%3DSECRET%26v%3D2&zmax=19",
            "apikey%3D***%26v%3D2&zmax",
        ),
        ("url=https%3A%2F%2Fuser:SECRET%40t.example%2Fwms", "https%3A%2F%2F***@t.example%2Fwms"),
        ("url=https://user:SECRET@t.example/{z}/{x}@2x.png", "https://***@t.example/{z}/{x}@2x.png"),
        ("url=https://t.example/wms&username=u&password=SECRET&layers=a", "password=***&layers=a"),
        ("http-header:Authorization=x&url=https://t.example?subscription-key=SECRET", "subscription-key=***"),
        ("'dbname=\\'city\\' user=\\'u\\' password=\\'SECRET\\\\\\' SECRET\\' key=\\'id\\''", "key=\\'id\\'"),
        ("dbname='city' password='SEC RET' key='id' table=\"a\"", "password='***' key='id' table=\"a\""),
        ("PG:dbname=city password=SECRET user=u", "password=*** user=u"),
    ],
)
def test_secrets_are_masked(text, masked):
    assert masked in mask_secrets(text)
    assert not {"SECRET", "SEC RET"} & set(mask_secrets(text).replace("'", " ").split())
    assert "SECRET" not in mask_secrets(text)


def test_what_is_no_secret_stays():
    text = "INPUT='/data/monkey.gpkg|layername=key', PREFIX='x_', URL='https://t.example/{z}/{x}@2x.png?v=2'"
    assert mask_secrets(text) == text


def test_the_token_of_a_web_layer_is_written_nowhere(run, make_points, project, tmp_path, monkeypatch):
    from qgis.core import QgsRasterLayer

    url = "https://u:SECRET1@127.0.0.1:9/%7Bz%7D/%7Bx%7D/%7By%7D.png?access_token%3DSECRET2"
    web = QgsRasterLayer(f"type=xyz&url={url}&zmax=1&zmin=0", "web", "wms")
    project.addMapLayer(web)
    output = tmp_path / "out.gpkg"
    run("embedimagery", {"INPUT": make_points([]), "RASTER": web, "OUTPUT": str(output)})
    layer = QgsVectorLayer(f"{output}|layername=out", "out", "ogr")
    layer.loadDefaultMetadata()
    (line,) = [line for line in layer.metadata().history() if line.startswith("parameters")]
    assert "type=xyz&url=https://***@127.0.0.1:9/" in line and "access_token%3D***&zmax" in line
    for path in tmp_path.iterdir():
        assert b"SECRET" not in path.read_bytes(), path


def test_defaults_of_the_steps_of_a_model_are_told(run, make_points, tmp_path):
    """A model gives None for what it does not set."""
    output = tmp_path / "out.gpkg"
    layer = make_points(points(2), SHARES)
    run("bgashares", {"INPUT": layer, "PREFIX": "x_", "SHARE_PREFIX": None, "OUTPUT": str(output)})
    made = QgsVectorLayer(f"{output}|layername=out", "out", "ogr")
    made.loadDefaultMetadata()
    assert any("SHARE_PREFIX='st_'" in line for line in made.metadata().history())


def test_an_earlier_report_survives_one_that_cannot_be_written(run, make_points, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    import soundvis_core.report

    def refuses(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(soundvis_core.report, "write_report", refuses)
    report, output = tmp_path / "report.html", tmp_path / "out.gpkg"
    report.write_text("earlier")
    layer = make_points(points(4), NUMBERS)
    with pytest.raises(AlgorithmError, match=r"could not be read or written.*Permission denied"):
        run(
            "correlatelayers",
            {"INPUT": layer, "SOUND": ["a"], "STREET": ["b"], "REPORT": str(report), "OUTPUT": str(output)},
        )
    assert report.read_text() == "earlier"
    assert not output.exists()


def test_an_output_that_has_to_stay_hides_neither_the_others_nor_the_error():
    from helpers import Feedback

    taken_back = []

    def stuck():
        raise PermissionError(13, "Permission denied", "out.gpkg")

    algorithm, feedback = Algorithm(), Feedback()
    algorithm.on_failure(stuck)
    algorithm.on_failure(lambda: taken_back.append(True))
    algorithm.discard_outputs(feedback)
    assert taken_back == [True]
    (warning,) = feedback.warnings
    assert "Permission denied" in warning and "out.gpkg" in warning


def test_sites_that_are_lost_on_closing_are_an_error():
    class Full:
        def flushBuffer(self):
            return False

        def lastError(self):
            return "disk full"

    sink = SiteSink(Full(), "postgres://dbname='c' password='SECRET' table=\"t\"", [], [], False)
    with pytest.raises(QgsProcessingException, match=r"could not be written.*disk full") as caught:
        sink.close()
    assert "SECRET" not in str(caught.value)


def test_a_last_batch_that_fails_silently_is_an_error(shared):
    class Forgetful:
        def addFeature(self, feature, flags):
            return True

    sink = SiteSink(Forgetful(), f"{shared}|layername=sites", QgsFields(), [], False)
    for _ in range(3):
        sink.add({})
    with pytest.raises(QgsProcessingException, match="Only 2 of 3 rows"):
        sink.close()


def test_layers_are_asked_in_the_main_thread(provider, project, make_points, monkeypatch):
    """As the desktop runs a tool: prepared in the main thread, the work in another."""
    from qgis.core import (
        QgsApplication,
        QgsProcessingAlgRunnerTask,
        QgsProcessingContext,
        QgsProcessingFeedback,
    )
    from qgis.PyQt.QtCore import QEventLoop, QThread

    from soundvis_qgis.algorithms.per_site import SitesAlgorithm
    from soundvis_qgis.layers import outputs

    threads: dict[str, set[bool]] = {}

    def watch(owner, name):
        original = getattr(owner, name)

        def watched(*arguments):
            in_main = QThread.currentThread() == QgsApplication.instance().thread()
            threads.setdefault(name, set()).add(in_main)
            return original(*arguments)

        monkeypatch.setattr(owner, name, watched)

    watch(Algorithm, "overwrite_problem")
    watch(outputs, "provenance")
    watch(SitesAlgorithm, "execute")
    watch(SitesAlgorithm, "take_source")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("soundvis:bgashares")
    context, feedback, loop, outcome = QgsProcessingContext(), QgsProcessingFeedback(False), QEventLoop(), []
    context.setProject(project)
    parameters = {"INPUT": make_points(points(2), SHARES), "PREFIX": "x_", "OUTPUT": "memory:"}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)

    def ended(succeeded, results):
        outcome.append(succeeded)
        loop.quit()

    task.executed.connect(ended)
    QgsApplication.taskManager().addTask(task)
    loop.exec()
    assert outcome == [True]
    assert threads == {
        "overwrite_problem": {True}, "provenance": {True}, "take_source": {True}, "execute": {False},
    }  # fmt: skip


def test_a_table_of_a_database_is_taken_back(qgis_app, tmp_path):
    path = tmp_path / "city.sqlite"
    with gdal_exceptions():
        gdal.VectorTranslate(
            str(path),
            gdal.OpenEx('{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":1},'
                        '"geometry":{"type":"Point","coordinates":[1,2]}}]}'),
            format="SQLite", datasetCreationOptions=["SPATIALITE=YES"], layerName="half",
        )  # fmt: skip
    connection = f"dbname='{path}' table=\"half\" (geometry)"
    SiteSink(None, f"spatialite://{connection}", [], [], False).discard()
    assert query(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    with pytest.raises(OSError, match="table 'half' stays"):
        SiteSink(None, f"spatialite://{connection}", [], [], False).discard()


@pytest.fixture
def silent_gdal():
    """GDAL as other plugins expect it, without exceptions; some versions of Processing hold them on for good."""
    before = gdal.GetUseExceptions()
    try:
        gdal.DontUseExceptions()
    except RuntimeError:
        pytest.skip("this QGIS holds GDAL's exceptions on")
    yield
    (gdal.UseExceptions if before else gdal.DontUseExceptions)()


def test_gdal_raises_within_a_block_only(qgis_app, silent_gdal):
    def state():
        return bool(gdal.GetUseExceptions())

    with gdal_exceptions():
        with gdal_exceptions():
            assert state()
        with pytest.raises(RuntimeError):
            gdal.Open("/nowhere.tif")
    assert not state()
    gdal.UseExceptions()
    with gdal_exceptions():
        assert state()
    assert state()
    gdal.DontUseExceptions()


def test_our_tools_leave_the_switch_of_gdal_alone(run, make_raster, tmp_path, request):
    codes = make_raster(tmp_path / "codes.tif", np.full((20, 20), 4, np.uint8), nodata=255)
    request.getfixturevalue("silent_gdal")  # only now: making the raster switches exceptions on
    run("bgaraster", {"INPUT": codes, "OUTPUT": str(tmp_path / "new" / "folder" / "bga.tif")})
    assert not gdal.GetUseExceptions()
    assert (tmp_path / "new" / "folder" / "bga.tif").exists()


def test_the_reason_is_named_after_the_end_of_the_status_alone(run, make_points):
    made = run("bgashares", {"INPUT": make_points(points(1), {"st_sky": [1.0]}), "PREFIX": "status_"})
    assert made.features()[0]["status_bga_reason"]
    assert "The reasons are in the field 'status_bga_reason'." in made.feedback.warnings[-1]


def test_post_processors_are_kept_until_they_have_run(run, make_points, project):
    from qgis.core import (
        QgsApplication,
        QgsProcessingContext,
        QgsProcessingFeedback,
        QgsProcessingOutputLayerDefinition,
    )

    layer, feedback = make_points(points(2), SHARES), QgsProcessingFeedback(False)

    def once():
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("soundvis:bgashares")
        context = QgsProcessingContext()
        context.setProject(project)
        output = QgsProcessingOutputLayerDefinition("memory:", project)
        results, succeeded = algorithm.run(
            {"INPUT": layer, "PREFIX": "x_", "OUTPUT": output}, context, feedback
        )
        assert succeeded
        details = context.layerToLoadOnCompletionDetails(results["OUTPUT"])
        made = context.temporaryLayerStore().mapLayer(results["OUTPUT"])
        details.postProcessor().postProcessLayer(made, context, feedback)

    once()
    held = [processor for processor in _kept if isinstance(processor, _StyleOnLoad)]
    assert held and held[-1].done
    once()
    assert held[-1] not in _kept
