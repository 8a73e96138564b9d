"""Alembic's entry: run the migrations on the connection that ``db.migrations.migrate`` hands over."""

from alembic import context

from db.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
