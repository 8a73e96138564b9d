"""The container files agree with the repository; no container engine is needed to see that."""

import json
import re

import yaml

from tests.house.tree import PACKAGES, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
VARIABLE = re.compile(r"\bCLOSEDLOOP_[A-Z_]+")


def copied() -> set[str]:
    return {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}


def test_the_image_gets_every_package_and_no_missing_file():
    assert copied() >= {*PACKAGES, "pyproject.toml", "constraints.txt"}
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_the_image_runs_as_nobody_special_and_watches_its_health():
    assert re.search(r"^USER (?!root)\w+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*/api/v1/health", DOCKERFILE, re.MULTILINE)
    for command in re.findall(r"^(?:HEALTHCHECK .*?)?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE):
        assert all(isinstance(word, str) for word in json.loads(command))


def test_services_start_on_sqlite_and_on_postgres_by_profile():
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if not service.get("profiles")] == ["closedloop"]
    assert services["closedloop-postgres"]["environment"]["CLOSEDLOOP_DATABASE"].startswith("postgresql+psycopg://")
    assert {volume.split(":")[0] for service in services.values() for volume in service["volumes"]} == set(COMPOSE["volumes"])


def test_no_port_is_published_beyond_this_machine():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_settings_are_ones_that_the_service_reads():
    code = "".join(path.read_text() for package in ("app", "closedloop") for path in (ROOT / package).rglob("*.py"))
    named = set(VARIABLE.findall(DOCKERFILE + str(COMPOSE)))
    assert named <= set(VARIABLE.findall(code))
