"""The command as users type it, and the client against a real service."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from closedloop import Client, Conflict, EditedMeanwhile, InvalidInput, NotAllowed, cli
from closedloop.local import LocalService, _key, local_service
from closedloop.simulate import AXIS, TARGET, campaign_document

Run = Callable[..., tuple[int, str, str]]
BEST = [0.587, 0.587, 0.443, 0.256, 0.290, 0.245, 0.247, 0.167, 0.234, 0.306, 0.135]
DOCUMENT = {
    "name": "Tiny",
    "space": {"parameters": [{"kind": "continuous", "name": "x", "low": 0, "high": 10, "unit": "%", "step": 0.5}]},
    "objective": {"kind": "minimize", "outcome": "loss"},
    "strategy": {"initial": {"size": 3}},
    "batch_size": 2,
}
MAPPING = {"parameters": {"x": {"column": "X (%)", "unit": "%"}}, "outcome": "loss"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command in this process."""
    handler = signal.getsignal(signal.SIGTERM)
    for name in [name for name in os.environ if name.startswith("CLOSEDLOOP_")]:
        monkeypatch.delenv(name)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["closedloop", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    yield call
    signal.signal(signal.SIGTERM, handler)


def spawn(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEDLOOP_")}
    command = [sys.executable, "-m", "closedloop.cli", *map(str, words)]
    return subprocess.run(command, env={**kept, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def commands(group: typer.core.TyperGroup, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *before, name)


@pytest.mark.parametrize("words", [(), *commands(typer.main.get_command(cli.app))], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], run: Run):
    code, out, _ = run(*words, "--help")
    assert code == 0
    assert "Usage: closedloop" in out
    assert len(out) > 200


def test_the_demo_runs_a_campaign_until_it_stops(tmp_path: Path):
    done = spawn("demo", "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rounds = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line.startswith("│")]
    assert 2 <= len(rounds) <= 10
    assert [row[0] for row in rounds] == [str(number) for number in range(1, len(rounds) + 1)]
    assert rounds[0][1:4] == ["lhs_centered", "15", "60"]
    assert rounds[1][1:4] == ["composite", "15 (1 failed)", "56"]
    assert [" > " in row[-1] for row in rounds] == [True] * (len(rounds) - 1) + [False]
    assert float(rounds[-1][6]) <= 0.05 < float(rounds[-2][6])
    assert f"Stop after round {len(rounds)}" in done.stdout
    assert "/docs" in done.stdout


def test_the_published_silver_data_give_the_published_figures_and_the_next_wells(agnp_csv: Path, tmp_path: Path):
    done = spawn("import", "agnp", "--propose", "--json", tmp_path / "agnp.json", CLOSEDLOOP_DATA=str(agnp_csv.parents[1]))
    assert done.returncode == 0, done.stderr
    assert "private, temporary service" in done.stdout
    found = json.loads((tmp_path / "agnp.json").read_text())
    assert (found["conditions"], found["replicates"]) == (164, 3295)
    assert [round(best, 3) for best in found["best_median_per_round"]] == BEST
    wells = np.array(found["proposed"])
    low, high, step = np.array([[0.5, 10, 0.5, 0.5, 200], [80, 40, 80, 80, 1000], [0.1, 0.1, 0.1, 0.1, 1]])
    assert wells.shape == (15, 5)
    assert len(np.unique(wells, axis=0)) == 15
    assert ((wells >= low) & (wells <= high)).all()
    assert (wells[:, :4].sum(axis=1) <= 90 + 1e-9).all()
    np.testing.assert_allclose((wells - low) / step, np.round((wells - low) / step), atol=1e-6)


def test_keys_are_made_listed_and_revoked(run: Run, tmp_path: Path):
    database = f"sqlite:///{tmp_path}/keys.db"
    code, key, advice = run("key", "create", "robot", "--role", "lab", "--database", database)
    assert code == 0
    assert key.startswith("cl_")
    assert len(key.strip()) > 40
    assert "digest" in advice
    assert run("key", "create", "robot", "--role", "lab", "--database", database)[::2] == (
        1,
        "Error: a key named 'robot' exists, or has existed; choose another name\n",
    )
    _, listed, _ = run("key", "list", "--database", database)
    assert "robot" in listed
    assert "lab" in listed
    assert key.strip() not in listed
    assert run("key", "revoke", "robot", "--database", database)[:2] == (0, "robot is revoked\n")
    code, _, error = run("key", "revoke", "robot", "--database", database)
    assert code == 1
    assert "no key named 'robot'" in error


def test_migrate_makes_the_schema_and_says_its_version(run: Run, tmp_path: Path):
    first = run("migrate", "--database", f"sqlite:///{tmp_path}/new/a.db")
    assert first[0] == 0
    assert first[1].startswith("schema version ")
    assert run("migrate", "--database", f"sqlite:///{tmp_path}/new/a.db") == first


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["migrate", "--database", "mysql://host/name"], 2, "postgresql"),
        (["migrate", "--database", "postgresql+psycopg://u:p@127.0.0.1:1/name"], 1, "Connection refused"),
        (["migrate", "--database", "sqlite:////proc/none/a.db"], 1, "No such file"),
        (["serve", "--port", "99999"], 2, "--port"),
        (["serve", "--workers", "-1"], 2, "--workers"),
        (["serve", "--colour", "red"], 2, "--colour"),
        (["key", "create", "me", "--role", "king"], 2, "--role"),
        (["import", "none.csv"], 2, "--mapping"),
        (["import", "agnp", "--campaign", "a"], 2, "--url"),
        (["import", "agnp", "--mapping", "none.json"], 2, "none.json"),
        (["export", "a", "--format", "pdf"], 2, "--format"),
        (["export", "a", "--url", "nowhere"], 1, "no address"),
        (["data", "fetch", "gold"], 1, "there are: agnp"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_explained_without_a_traceback(words: list[str], code: int, said: str, run: Run):
    found, _, error = run(*words)
    assert found == code
    assert said in error
    assert "Traceback" not in error


def test_a_file_is_checked_imported_and_exported(run: Run, service: LocalService, client: Client, tmp_path: Path):
    paths = {name: tmp_path / name for name in ("data.csv", "mapping.json", "document.json", "figures.json", "out.csv")}
    paths["data.csv"].write_text("X (%),loss\n1,0.5\n1,0.7\n4,0.2\n")
    paths["mapping.json"].write_text(json.dumps(MAPPING))
    paths["document.json"].write_text(json.dumps({**DOCUMENT, "name": "Imported"}))
    at = ["--url", service.url, "--key", service.key]
    words = ["import", paths["data.csv"], "--mapping", paths["mapping.json"], *at]
    created = ["--document", paths["document.json"], "--name", "By command", "--json", paths["figures.json"]]
    assert run(*words, *created)[0] == 0
    assert json.loads(paths["figures.json"].read_text()) == {
        "conditions": 2,
        "replicates": 3,
        "best_median_per_round": [0.2],
        "proposed": [],
    }
    assert client.campaign("by-command")["replicates"] == 3
    code, _, error = run(*words, "--campaign", "by-command")
    assert code == 1
    assert "imported into this campaign before" in error
    code, out, _ = run("export", "by-command", "--output", paths["out.csv"], *at)
    assert code == 0
    assert str(paths["out.csv"]) in out
    assert [row["loss"] for row in csv.DictReader(io.StringIO(paths["out.csv"].read_text()))] == ["0.5", "0.7", "0.2"]
    paths["data.csv"].write_text("X (%),loss\n2,many\n")
    code, out, _ = run(*words, "--campaign", "by-command", "--dry-run")
    assert code == 1
    assert client.campaign("by-command")["replicates"] == 3


def test_the_client_walks_a_campaign_of_numbers(client: Client):
    assert client.ready()["status"] == "ready"
    id = client.create_campaign(DOCUMENT)["id"]
    assert id in [line["id"] for line in client.campaigns()]
    first = client.wait_for_batch(id)
    assert [well["origin"] for well in first["designs"]] == ["lhs_centered"] * 3
    assert client.request_batch(id)["round"] == 1
    added = client.add_design(id, {"x": 2.5}, "a guess")
    assert added["origin"] == "person"
    edited = client.edit_design(id, added["id"], executed={"x": 2.7})
    assert edited["executed"] == {"x": 2.7}
    with pytest.raises(EditedMeanwhile):
        client.edit_design(id, added["id"], version=added["version"], executed={"x": 9.0})
    stored = client.put_replicate(id, added["id"], 1, value=np.float64(0.25))
    assert client.put_replicate(id, added["id"], 1, value=0.25) == stored
    with pytest.raises(Conflict, match="never overwritten"):
        client.put_replicate(id, added["id"], 1, value=0.26)
    with pytest.raises(InvalidInput, match="NaN") as wrong:
        client.put_replicate(id, added["id"], 2, value=float("nan"))
    assert wrong.value.errors[0]["field"] == "value"
    posted = client.post_measurements(
        id, [{"design": well["id"], "replicate": 1, "value": well["planned"]["x"]} for well in first["designs"]]
    )
    assert (posted["created"], len(posted["measured"])) == (3, 3)
    assert client.exclude_replicate(id, added["id"], 1, "bubble")["quality"] == "excluded"
    assert client.include_replicate(id, added["id"], 1, "none after all")["quality"] == "ok"
    second = client.wait_for_batch(id)
    assert (second["round"], len(second["designs"])) == (2, 2)
    assert [line["state"] for line in client.batches(id)] == ["complete", "open"]
    assert [job["state"] for job in client.jobs(id)] == ["done", "done"]
    assert client.job(client.jobs(id)[0]["id"])["round"] == 1
    assert client.stop(id, "enough")["state"] == "stopped"
    assert client.edit_campaign(id, batch_size=4)["document"]["batch_size"] == 4
    assert client.reopen(id, "not enough")["state"] == "active"
    log = list(client.events(id))
    assert [event["id"] for event in log] == sorted(event["id"] for event in log)
    assert {"campaign created", "batch proposed", "design added", "replicate stored", "campaign reopened"} <= {e["action"] for e in log}
    assert [event["id"] for event in client.events(id, after=log[-2]["id"])] == [log[-1]["id"]]
    assert json.loads(client.export(id, "json"))["campaign"]["id"] == id


def test_the_client_sends_curves_bit_for_bit_and_a_target(client: Client, tmp_path: Path):
    document = campaign_document()
    del document["objective"]["target"]
    id = client.create_campaign(document)["id"]
    np.savetxt(tmp_path / "target.csv", np.c_[AXIS, TARGET], delimiter=",", fmt="%.17g", header="nm,absorbance", comments="")
    kept = client.upload_target(id, tmp_path / "target.csv")["document"]["objective"]["target"]
    assert kept == {"axis": AXIS.tolist(), "values": TARGET.tolist()}
    well = client.wait_for_batch(id)["designs"][0]["id"]
    curve = np.random.default_rng(0).random(AXIS.size)
    client.put_replicate(id, well, 1, values=curve, axis=AXIS)
    assert client.replicate(id, well, 1)["values"] == curve.tolist()
    assert client.design(id, well)["state"] == "running"


def test_a_lab_waits_for_its_wells_with_a_key_that_may_not_ask_for_them(run: Run, service: LocalService, client: Client):
    id = client.create_campaign(DOCUMENT)["id"]
    client.wait_for_batch(id)
    _, key, _ = run("key", "create", "robot", "--role", "lab", "--database", f"sqlite:///{service.log.parent}/closedloop.db")
    with Client(service.url, key.strip()) as robot:
        assert robot.wait_for_batch(id)["round"] == 1
        with pytest.raises(NotAllowed, match="role chemist"):
            robot.request_batch(id)
    with Client(service.url, "cl_wrong") as stranger, pytest.raises(NotAllowed, match="unknown or revoked"):
        next(stranger.campaigns())


def test_a_folder_used_before_gets_a_key_and_keeps_it(run: Run, tmp_path: Path):
    database = tmp_path / "closedloop.db"
    assert run("key", "create", "me", "--role", "admin", "--database", f"sqlite:///{database}")[0] == 0
    with local_service(tmp_path, workers=0) as service, Client(service.url, service.key) as client:
        assert list(client.campaigns()) == []
    assert _key(tmp_path, database) == service.key


def test_a_demo_that_is_ended_takes_its_service_along(tmp_path: Path):
    command = [sys.executable, "-m", "closedloop.cli", "demo", "--folder", tmp_path]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as demo:
        while "Campaign" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.terminate()
        assert demo.wait(timeout=60) == 128 + signal.SIGTERM
    assert "Finished server process" in (tmp_path / "service.log").read_text()


def test_a_worker_does_the_jobs_of_a_service_without_one_and_leaves_when_told(tmp_path: Path):
    with local_service(tmp_path, workers=0) as service, Client(service.url, service.key) as client:
        id = client.create_campaign(DOCUMENT)["id"]
        assert client.request_batch(id)["state"] == "queued"
        command = [sys.executable, "-m", "closedloop.cli", "worker", "--workers", "1", "--database", f"sqlite:///{tmp_path}/closedloop.db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert len(client.wait_for_batch(id)["designs"]) == 3
            worker.send_signal(signal.SIGTERM)
            out, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        assert out.splitlines()[-1] == "Stopped."
        stream = client.events(id, follow=True)
        assert next(stream)["action"] == "campaign created"
    assert "Finished server process" in service.log.read_text()
    assert "timeout" not in service.log.read_text()


def test_knowledge_is_printed_and_written_as_a_page_that_needs_no_network(run: Run, service: LocalService, client: Client, tmp_path: Path):
    space = {"parameters": [{"kind": "continuous", "name": name, "low": 0, "high": 10, "unit": "%"} for name in "xy"]}
    id = client.create_campaign({**DOCUMENT, "name": "Taught <b>", "space": space, "strategy": {"initial": {"size": 6}}})["id"]
    where = ("--url", service.url, "--key", service.key)
    assert "nothing to learn from" in run("knowledge", id, *where)[2]
    for well in client.wait_for_batch(id)["designs"]:
        client.put_replicate(id, well["id"], 1, value=well["executed"]["x"] ** 2)
    recipes, wrong = tmp_path / "recipes.json", tmp_path / "wrong.json"
    recipes.write_text('[{"x": 1, "y": 40}]')
    wrong.write_text("x: 1")
    code, out, error = run("knowledge", id, *where, "--recipes", recipes, "--report", tmp_path, "--json", tmp_path / "k.json")
    assert code == 0, error
    assert "exact" in out
    assert "outside (" in out
    found = json.loads((tmp_path / "k.json").read_text())
    assert found["explanation"]["importance"][0]["parameter"] == "x"
    page = (tmp_path / "report.html").read_text()
    assert 'id="slider-1"' in page
    assert "Taught &lt;b&gt;" in page
    assert 'src="http' not in page
    assert {"importance.json", "shapley.json", "maps.json", "slider-0.json"} <= {path.name for path in tmp_path.iterdir()}
    assert "no JSON" in run("knowledge", id, *where, "--recipes", wrong)[2]


FIELDS = [
    {"name": "x", "kind": "number", "unit": "mL", "column": "x (mL)"},
    {"name": "band", "kind": "curve", "unit": "1", "axis_unit": "nm", "prefix": "A"},
    {"name": "shape", "kind": "category"},
]


def test_a_data_set_is_uploaded_listed_shown_and_taken_out(run: Run, service: LocalService, tmp_path: Path):
    file, fields, out = (tmp_path / name for name in ("data.csv", "fields.json", "out.npz"))
    file.write_text("x (mL),shape,A400,A500\n1,rod,0.25,0.5\n1,ball,0.5,1\n1,rod,0.125,0.3\n")
    fields.write_text(json.dumps(FIELDS))
    at = ["--url", service.url, "--key", service.key]
    words = ["dataset", "upload", file, "--fields", fields, "--name", "Bands of rods", *at]
    code, said, error = run(*words, "--json", tmp_path / "made.json")
    assert code == 0, error
    assert "bands-of-rods, version 1 of 1: 3 rows" in said
    assert "over 400 to 500 nm" in said
    assert "rod 2, ball 1" in said
    assert "Warning: 'x' is the same in every row" in said
    made = json.loads((tmp_path / "made.json").read_text())
    assert made["sha256"] in said
    file.write_text(file.read_text().replace("0.125", "0.0625"))
    assert "version 2 of 2" in run(*words)[1]
    assert run("dataset", "show", "bands-of-rods", "--version", "1", "--output", out, *at)[0] == 0
    with np.load(out, allow_pickle=False) as content:
        assert content["band"].tolist() == [[0.25, 0.5], [0.5, 1], [0.125, 0.3]]
        assert content["shape"].tolist() == ["rod", "ball", "rod"]
    assert run("dataset", "show", "bands-of-rods", "--output", tmp_path / "out.csv", "--format", "csv", *at)[0] == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "x,band/400.0,band/500.0,shape"
    assert run("dataset", "list", "--json", tmp_path / "list.json", *at)[0] == 0
    assert ("bands-of-rods", 2) in [(line["id"], line["version"]) for line in json.loads((tmp_path / "list.json").read_text())]


def test_a_data_set_that_cannot_be_is_explained(run: Run, service: LocalService, tmp_path: Path):
    file, fields = tmp_path / "data.csv", tmp_path / "fields.json"
    file.write_text("x (mL),shape,A400,A500\n1,rod,0.25,0.5\n2,ball,,1\n")
    fields.write_text(json.dumps(FIELDS))
    at = ["--url", service.url, "--key", service.key]
    words = ["dataset", "upload", file, "--fields", fields, "--name", "Gaps", *at]
    code, _, error = run(*words)
    assert code == 1
    assert "row 3, column 'A400'" in error
    fields.write_text('{"x": 1}')
    assert "no list of fields" in run(*words)[2]
    assert "there is no data set 'gaps'" in run("dataset", "show", "gaps", *at)[2]
    assert run("dataset", "build", "nanoparticle", "--name", "Few", "--rows", "1", *at)[0] == 2


def test_a_data_set_is_built_and_read_by_the_client(run: Run, service: LocalService, client: Client, tmp_path: Path):
    at = ["--url", service.url, "--key", service.key]
    code, said, error = run("dataset", "build", "nanoparticle", "--name", "Spectra", "--rows", "24", "--replicates", "4", *at)
    assert code == 0, error
    assert "r0001 4" in said
    assert "and 1 more" in said
    built = client.build_dataset("Spectra", "nanoparticle", rows=24, replicates=4)
    assert built == client.dataset("spectra") == client.dataset("spectra", version=1)
    assert client.build_dataset("Spectra", "nanoparticle", rows=24, seed=1)["version"] == 2
    part = client.dataset_rows("spectra", offset=22, version=1)
    assert [row["recipe"] for row in part["rows"]] == ["r0006", "r0006"]
    assert client.dataset_content("spectra", "csv", 1, tmp_path / "s.csv") == (tmp_path / "s.csv").read_bytes()
    assert "spectra" in [line["id"] for line in client.datasets()]
    with pytest.raises(InvalidInput, match="rows have to be more than replicates"):
        client.build_dataset("Spectra", "nanoparticle", rows=4, replicates=4)
