import pytest

from optimizer import benchmark


def test_one_row_per_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "TARGETS", {20: 1e9, 25: 0.0})
    easy, impossible = benchmark.speed(repeats=1)
    assert set(easy) == {"name", "value", "unit", "target", "met"}
    assert "20 data" in easy["name"]
    assert easy["value"] > 0
    assert (easy["met"], impossible["met"]) == (True, False)
