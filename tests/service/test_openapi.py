"""The API's documentation: complete, and true when its examples are pressed."""

import json

import pytest

from app.examples import CAMPAIGN, DATASET, MAPPING
from tests.service.conftest import expect

VERBS = ("get", "post", "put", "patch", "delete")
# In the order in which a newcomer would press them; the campaign of the first is "silver-prisms".
ORDER = [
    ("post", "/campaigns"),
    ("get", "/campaigns"),
    ("get", "/campaigns/{campaign}"),
    ("post", "/campaigns/{campaign}/batches"),
    ("get", "/campaigns/{campaign}/jobs"),
    ("get", "/jobs/{job}"),
    ("get", "/campaigns/{campaign}/batches"),
    ("get", "/campaigns/{campaign}/batches/{round}"),
    ("patch", "/campaigns/{campaign}/batches/{round}"),
    ("post", "/campaigns/{campaign}/batches/{round}/replay"),
    ("post", "/campaigns/{campaign}/designs"),
    ("get", "/campaigns/{campaign}/designs/{design}"),
    ("patch", "/campaigns/{campaign}/designs/{design}"),
    ("put", "/campaigns/{campaign}/designs/{design}/replicates/{number}"),
    ("get", "/campaigns/{campaign}/designs/{design}/replicates/{number}"),
    ("patch", "/campaigns/{campaign}/designs/{design}/replicates/{number}"),
    ("post", "/campaigns/{campaign}/measurements"),
    ("post", "/campaigns/{campaign}/rescore"),
    ("get", "/campaigns/{campaign}/objectives"),
    ("post", "/campaigns/{campaign}/knowledge"),
    ("get", "/campaigns/{campaign}/knowledge"),
    ("get", "/campaigns/{campaign}/stop"),
    ("get", "/campaigns/{campaign}/phases"),
    ("get", "/campaigns/{campaign}/checks"),
    ("post", "/campaigns/{campaign}/bounds"),
    ("get", "/campaigns/{campaign}/events"),
    ("get", "/campaigns/{campaign}/export"),
    ("patch", "/campaigns/{campaign}"),
    ("post", "/datasets/build"),
    ("get", "/datasets"),
    ("get", "/datasets/{dataset}"),
    ("get", "/datasets/{dataset}/rows"),
    ("get", "/datasets/{dataset}/content"),
    ("post", "/surrogates"),
    ("get", "/jobs/{job}/events"),
    ("get", "/surrogates"),
    ("get", "/surrogates/{surrogate}"),
    ("post", "/surrogates/{surrogate}/retry"),
    ("post", "/surrogates/{surrogate}/predict"),
    ("get", "/surrogates/{surrogate}/artifact"),
    ("get", "/surrogates/{surrogate}/figures"),
    ("post", "/surrogates/{surrogate}/inverse"),
    ("get", "/surrogates/{surrogate}/inverse"),
    ("post", "/surrogates/{surrogate}/explain"),
    ("get", "/surrogates/{surrogate}/explain"),
    ("post", "/surrogates/{surrogate}/robustness"),
    ("get", "/surrogates/{surrogate}/robustness"),
    ("post", "/surrogates/{surrogate}/sweep"),
    ("get", "/surrogates/{surrogate}/sweep"),
    ("patch", "/surrogates/{surrogate}"),
    ("post", "/simulate/nanoparticle"),
    ("post", "/simulate/polymer"),
    ("post", "/simulate/polymer/recipes"),
    ("post", "/simulate/scattering"),
    ("post", "/simulate/scattering/structure"),
    ("post", "/simulate/psd"),
    ("post", "/simulate/crystallization"),
    ("get", "/health"),
    ("get", "/ready"),
]
UPLOADS = [
    ("put", "/campaigns/{campaign}/target"),
    ("post", "/campaigns/{campaign}/import"),
    ("post", "/datasets"),
    ("post", "/surrogates/{surrogate}/images"),
]
ON_CURVES = [("post", "/surrogates/{surrogate}/curve"), ("post", "/surrogates/{surrogate}/curve/file")]
"""They need a model of scattering curves: see test_scattering."""


@pytest.fixture
def document(api):
    return expect(api.get("http://test/openapi.json"))


def operations(document):
    return [(path, verb, op) for path, item in document["paths"].items() for verb, op in item.items() if verb in VERBS]


def test_every_operation_is_described_and_documents_its_errors(document):
    for path, verb, operation in operations(document):
        name = f"{verb} {path}"
        assert operation["summary"], name
        assert len(operation["description"]) > 20, name
        if path in ("/api/v1/health", "/api/v1/ready"):
            continue
        assert {"401", "403", "422"} <= set(operation["responses"]), name
        assert ("404" in operation["responses"]) == ("{" in path), name
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
        if verb == "patch":
            assert {"412", "428"} <= set(operation["responses"]), name
        if verb == "post":
            assert "idempotency-key" in [parameter["name"].lower() for parameter in operation["parameters"]], name


def test_every_reference_resolves(document):
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(schemas)
    assert "HTTPValidationError" not in schemas


def test_the_list_of_examples_is_complete(document):
    assert sorted((verb, path.removeprefix("/api/v1")) for path, verb, _ in operations(document)) == sorted(ORDER + UPLOADS + ON_CURVES)


def example(holder):
    return next(iter(holder["examples"].values()))["value"]


def test_the_examples_work_when_pressed_in_order(api, work, document):
    job = None
    for verb, path in ORDER:
        operation = document["paths"][f"/api/v1{path}"][verb]
        parameters = [p for p in operation.get("parameters", []) if "examples" in p]
        values = {p["name"]: example(p) for p in parameters if p["in"] == "path"}
        headers = {p["name"]: example(p) for p in parameters if p["in"] == "header"}
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        url = path.lstrip("/").format(**{"job": job, **values})
        answer = api.request(verb, url, headers=headers, json=example(body) if body else None)
        assert answer.status_code < 300, (verb, path, answer.text)
        if path.endswith(("/batches", "/knowledge")) and verb == "post":
            job = answer.json()["id"]
            work()
        if verb == "post" and path.startswith("/surrogates"):
            work()


def test_every_body_example_is_a_valid_document(api, document):
    shapes = document["paths"]["/api/v1/campaigns"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert len(shapes) == 4
    for shape in shapes.values():
        expect(api.post("campaigns", json=shape["value"]), 201)


def test_the_upload_examples_work(api):
    objective = {**CAMPAIGN["objective"], "target": None}
    expect(api.post("campaigns", json={**CAMPAIGN, "objective": objective}), 201)
    csv = "nm,A\n" + "".join(f"{x},{x % 7}\n" for x in range(380, 801, 20))
    expect(api.put("campaigns/silver-prisms/target", files={"file": ("t.csv", csv)}, headers={"If-Match": "*"}))
    header = ",".join([c["column"] for c in MAPPING["parameters"].values()] + [str(x) for x in CAMPAIGN["objective"]["axis"]])
    rows = f"{header}\n30,16,6.5,4.5,850" + ",0.5" * 21 + ",0.9\n"
    answer = api.post("campaigns/silver-prisms/import", files={"file": ("d.csv", rows)}, data={"mapping": json.dumps(MAPPING)})
    assert expect(answer, 201)["conditions"] == 1
    samples = "Qtot (uL/min),shape,A380,A400\n850,prism,0.1,0.2\n600,sphere,0.3,0.2\n"
    answer = api.post("datasets", files={"file": ("d.csv", samples)}, data={"declaration": json.dumps(DATASET)})
    assert expect(answer, 201)["rows"] == 2


def test_the_pages_ask_nobody_else(api):
    for page in ("/docs", "/redoc"):
        text = api.get(f"http://test{page}").text
        assert "cdn" not in text
        assert 'src="http' not in text
        assert 'href="http' not in text
