"""The lease table: at least once, with exactly one effect."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from db import jobs, store
from db.engine import open_database
from db.migrations import migrate
from db.tables import CampaignRow, JobRow


@pytest.fixture
def base(database_url):
    database = open_database(database_url)
    migrate(database)
    with database.write() as session:
        session.add(CampaignRow(id="c", document={}, state="active", reopened_after=0, version=1, created_at=store.now()))
    yield database
    database.close()


def put(base, round=1):
    with base.write() as session:
        return jobs.enqueue(session, "propose", "c", round, {}).id


def claim(base, worker="w", limit=1):
    with base.write() as session:
        return [(job.id, job.attempt) for job in jobs.claim(session, worker, 30, limit)]


def expire(base, id):
    with base.write() as session:
        session.execute(update(JobRow).where(JobRow.id == id).values(lease_until=store.now() - timedelta(seconds=1)))


def read(base, id):
    with base.read() as session:
        return jobs.job(session, id)


def test_a_round_has_one_job_however_often_it_is_queued(base):
    assert put(base) == put(base)
    claim(base)
    assert put(base) == read(base, put(base)).id
    assert read(base, put(base)).state == "running"


def test_a_claimed_job_is_not_claimed_again_before_its_lease_ends(base):
    id = put(base)
    assert claim(base, "one") == [(id, 1)]
    assert claim(base, "two") == []
    expire(base, id)
    assert claim(base, "two") == [(id, 2)]


def test_a_worker_that_was_overtaken_changes_nothing(base):
    id = put(base)
    claim(base, "slow")
    expire(base, id)
    claim(base, "fast")
    with base.write() as session:
        assert not jobs.finish(session, id, 1, "slow's")
        assert not jobs.fail(session, id, 1, "slow's")
        assert not jobs.renew(session, id, 1, 30)
        assert not jobs.release(session, id, 1)
    with base.write() as session:
        assert jobs.finish(session, id, 2, "fast's")
    assert (read(base, id).state, read(base, id).result) == ("done", "fast's")


def test_a_finished_job_ends_once(base):
    id = put(base)
    claim(base)
    with base.write() as session:
        assert jobs.finish(session, id, 1, "a")
        assert not jobs.finish(session, id, 1, "b")


def test_a_renewed_lease_holds_and_a_released_job_waits_again(base):
    id = put(base)
    claim(base)
    expire(base, id)
    with base.write() as session:
        assert jobs.renew(session, id, 1, 30)
    assert claim(base) == []
    with base.write() as session:
        assert jobs.release(session, id, 1)
    assert claim(base) == [(id, 2)]


def test_a_failed_job_can_be_queued_again_and_keeps_counting_attempts(base):
    id = put(base)
    claim(base)
    with base.write() as session:
        jobs.fail(session, id, 1, "because")
    assert read(base, id).error == "because"
    assert claim(base) == []
    assert put(base) == id
    assert read(base, id).error is None
    assert claim(base) == [(id, 2)]


def test_many_workers_share_the_jobs_without_overlap(base):
    wanted = {put(base, round) for round in range(1, 41)}
    taken, lock = [], threading.Lock()

    def worker(name):
        while found := claim(base, name, limit=3):
            with lock:
                taken.extend(id for id, _ in found)

    threads = [threading.Thread(target=worker, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(wanted)


def test_a_round_has_a_job_of_each_kind(base):
    with base.write() as session:
        ids = {jobs.enqueue(session, kind, "c", 1, {}).id for kind in ("propose", "replay")}
    assert len(ids) == 2
    assert {id for id, _ in claim(base, limit=3)} == ids
