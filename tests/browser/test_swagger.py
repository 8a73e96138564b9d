"""Swagger UI in a real browser: rendered with no request to anybody else."""

import socket
import threading
import time

import pytest
import uvicorn

from app.main import create_app
from app.settings import Settings
from tests.chromium import browse
from tests.service.conftest import ADMIN

SHOWN = "document.querySelectorAll('.opblock').length"


@pytest.fixture
def address(tmp_path):
    settings = Settings(database=f"sqlite:///{tmp_path}/x.db", admin_key=ADMIN, workers=0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(chromium):
    with browse() as page:
        yield page


def loaded_from(page):
    return page.evaluate("performance.getEntriesByType('resource').map(entry => new URL(entry.name).origin)")


def test_swagger_shows_every_operation_and_loads_nothing_from_outside(page, address, tmp_path):
    page.open(f"{address}/docs", until=f"{SHOWN} > 20")
    assert "Ask for the next batch" in page.html()
    assert set(loaded_from(page)) == {address}
    assert page.problems == []
    page.screenshot(tmp_path / "swagger.png")
    assert (tmp_path / "swagger.png").stat().st_size > 10_000


def test_an_example_runs_when_pressed(page, address):
    page.open(f"{address}/docs", until=f"{SHOWN} > 20")
    page.evaluate(f"ui.preauthorizeApiKey('HTTPBearer', '{ADMIN}')")
    block = "document.querySelector('#operations-campaigns-create_api_v1_campaigns_post')"
    page.evaluate(f"{block}.querySelector('.opblock-summary-control').click()")
    page.wait(f"{block}.querySelector('.try-out__btn')")
    page.evaluate(f"{block}.querySelector('.try-out__btn').click()")
    page.wait(f"{block}.querySelector('.execute')")
    page.evaluate(f"{block}.querySelector('.execute').click()")
    page.wait(f"{block}.querySelector('.live-responses-table .response .response-col_status')")
    assert page.evaluate(f"{block}.querySelector('.live-responses-table .response .response-col_status').innerText").startswith("201")
    assert "silver-prisms" in page.evaluate(f"{block}.querySelector('.live-responses-table').innerText")
