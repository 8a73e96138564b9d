"""Schema, transactions and blobs, on both databases."""

import threading
from datetime import UTC, datetime

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from db import store
from db.engine import DatabaseBusy, open_database
from db.migrations import migrate, state_of
from db.tables import BatchRow, CampaignRow, EventRow, Table


@pytest.fixture
def base(database_url):
    database = open_database(database_url)
    yield database
    database.close()


def campaign(id="c"):
    return CampaignRow(id=id, document={"x": [1, 0.1]}, state="active", reopened_after=0, version=1, created_at=store.now())


def test_the_migrations_make_just_the_tables_of_the_code(base):
    assert state_of(base)[0] == "empty"
    assert migrate(base) == state_of(base)[1]
    with base.reader.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_any_number_of_processes_may_migrate_at_once(database_url):
    failures, versions = [], []

    def start():
        database = open_database(database_url)
        try:
            versions.append(migrate(database))
        except Exception as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(versions) == {"001"}


def test_a_failed_transaction_leaves_nothing(base):
    migrate(base)

    def write_and_fail():
        with base.write() as session:
            session.add(campaign())
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with base.read() as session:
        assert store.campaign(session, "c") is None


def test_the_audit_log_cannot_be_changed(base):
    migrate(base)
    with base.write() as session:
        store.record(session, "me", "did it", "c", what=1)
    for statement in (update(EventRow).values(actor="you"), delete(EventRow)):
        with pytest.raises(DBAPIError, match="append-only"), base.writer.begin() as connection:
            connection.execute(statement)
    with base.read() as session:
        assert [event.actor for event in store.events(session, "c", 0, 10)] == ["me"]


def test_a_batch_of_no_campaign_is_refused_by_the_database(base):
    migrate(base)
    with pytest.raises(DBAPIError), base.write() as session:
        session.add(BatchRow(campaign_id="none", round=1, rule="x", info={}, created_at=store.now()))


def test_times_come_back_in_utc_and_naive_ones_are_refused(base):
    migrate(base)
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with base.write() as session:
        session.add(CampaignRow(id="t", document={}, state="active", reopened_after=0, version=1, created_at=moment))
    with base.read() as session:
        assert session.scalar(select(CampaignRow.created_at)) == moment
    with pytest.raises(DBAPIError.__mro__[1], match="without zone"), base.write() as session:
        session.add(CampaignRow(id="n", document={}, state="active", reopened_after=0, version=1, created_at=datetime(2026, 1, 1)))


def test_a_reader_sees_one_snapshot_though_others_write(base):
    migrate(base)
    with base.read() as reader:
        assert store.campaign(reader, "c") is None
        with base.write() as writer:
            writer.add(campaign())
        assert store.campaign(reader, "c") is None
    with base.read() as reader:
        assert store.campaign(reader, "c") is not None


def test_a_reader_cannot_write(base):
    migrate(base)
    with base.read() as reader:
        reader.add(campaign())
    with base.read() as reader:
        assert store.campaign(reader, "c") is None


def test_concurrent_writers_queue_instead_of_failing(base):
    migrate(base)
    failures = []

    def write(i):
        try:
            for j in range(10):
                with base.write() as session:
                    store.campaign(session, "c0", lock=True)
                    session.add(campaign(f"c{i}-{j}"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with base.read() as session:
        assert len(store.campaigns(session, 500, None)) == 80


def test_a_database_that_cannot_be_reached_is_said_to_be_busy(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/missing/folder/x.db")
    with pytest.raises(DatabaseBusy), database.read() as session:
        store.campaigns(session, 1, None)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    (tmp_path / "x.db").write_text("a shopping list, long enough to be read as a header of a database")
    database = open_database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(DatabaseBusy, match="not a database"):
        migrate(database)


@given(arrays(np.float64, st.integers(0, 30), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_blobs_keep_every_bit(values):
    assert store.from_blob(store.to_blob(values)).tobytes() == values.tobytes()


def test_identifiers_that_are_taken_get_a_number(base):
    migrate(base)
    with base.write() as session:
        assert store.free_id(session, "a_b") == "a_b"
        session.add_all([campaign("a-b"), campaign("a-b-2"), campaign("a-b-x")])
        session.flush()
        assert store.free_id(session, "a-b") == "a-b-3"
        assert store.free_id(session, "a") == "a"
