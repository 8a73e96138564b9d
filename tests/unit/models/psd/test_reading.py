"""What a model reads from images: the prediction, conversions, lengths, and models or images that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from models.programme import train
from models.psd.dataset import psd_table
from models.psd.picture_figures import images
from models.psd.reader import BadImage
from models.psd.reading import Ask, read, scene
from models.psd.render import stack
from models.psd.suspension import Mode, Suspension
from models.psd.writer import archive, png, tiff
from models.spec import Spec, Use
from models.table import BadTable
from models.task import Task

pytest.importorskip("tifffile", reason='no tifffile; run `pip install "closedloop[images]"`')
pytest.importorskip("PIL.Image", reason='no pillow; run `pip install "closedloop[images]"`')
PLAIN = Suspension((Mode(90.0, 0.2),), 0.15)
STACK = stack(PLAIN, 3, 3, 64)
CONTENT = tiff(STACK, 16.0)


@pytest.fixture(scope="module")
def model():
    table = psd_table(30, 0, images=3).only(["images", "psd"])
    return train(table, Spec((Use("images"),), (Use("psd", shares=True),), "features", {"epochs": 3}, sizes=(), seeds=1))


def test_a_reading_is_the_prediction(model):
    found = read(model, CONTENT, Ask(16.0))
    (answer,) = model.answers(STACK[None].astype(np.float32) / 255)
    np.testing.assert_allclose(found.distribution.shares, answer.mean[0], atol=1e-6)
    np.testing.assert_allclose(found.low, answer.low[0])
    assert (found.flags, found.band, found.conversion) == ((), None, None)
    assert found.verdict.status in ("inside", "edge", "outside")
    assert scene(model.task).um_per_pixel == 16


def test_a_conversion_tells_its_cost_and_moves_the_band_too(model):
    number, volume = (read(model, CONTENT, Ask(16.0, draws=5, weighting=w)) for w in (None, "volume"))
    assert volume.distribution.weighting == "volume"
    assert volume.low is None
    assert "converted to volume" in volume.flags[-1]
    assert (volume.band.marks[:, 1] > number.band.marks[:, 1]).all()
    assert volume.band.marks[0, 1] <= volume.distribution.d50 <= volume.band.marks[1, 1]


def test_finer_images_and_longer_stacks_are_flagged(model):
    fine = stack(PLAIN, 3, 5, 160, um_per_pixel=8.0)
    found = read(model, archive({f"{k}.png": png(image) for k, image in enumerate(fine)}), Ask(8.0))
    told = " ".join(found.flags)
    assert "resampled from 8 to 16" in told
    assert "cropped" in told
    assert "stacks of 3" in told
    assert found.shown.values.shape == (5, 64, 64)


@pytest.mark.parametrize(
    ("ask", "said"), [(Ask(2.0), "check um_per_pixel"), (Ask(16.0, draws=10_000), "ask for 6666 draws"), (Ask(0.0), "um above 0")]
)
def test_what_cannot_be_read_is_refused_with_a_remedy(model, ask, said):
    with pytest.raises(BadImage, match=said):
        read(model, CONTENT, ask)


def test_a_model_that_sees_all_images_at_once_takes_as_many_only(model):
    card = {**model.card, "spec": {**model.card["spec"], "settings": {"pooling": "channels"}}}
    with pytest.raises(BadImage, match="give 3 images"):
        read(replace(model, card=card), tiff(STACK[:2], 16.0), Ask(16.0))


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("inputs", {"unit": ""}, "size of the pixels"),
        ("targets", {"unit": "1"}, "what the shares count"),
        ("targets", {"shares": False}, "distribution of shares"),
        ("inputs", {"shape": (3, 64, 32)}, "not square"),
    ],
)
def test_models_of_something_else_are_refused(model, part, change, said):
    blocks = {"inputs": model.task.inputs, "targets": model.task.targets}
    blocks[part] = (replace(blocks[part][0], **change),)
    with pytest.raises(BadTable) as failure:
        scene(Task(**blocks))
    assert said in f"{failure.value} {failure.value.remedy}"


def test_a_figure_shows_the_images_with_their_numbers():
    figure = images(np.repeat(STACK, 5, axis=0))
    assert len(figure["layout"]["images"]) == 10
    assert figure["data"][0]["text"][0] == "image 1 of 15"
    assert figure["layout"]["images"][0]["source"].startswith("data:image/png;base64,")
