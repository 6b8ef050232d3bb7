"""Rows of lists that cost a fifth of what they did to write (docs/adr/0030-what-a-row-of-a-list-costs.md).

- `record` goes: what is sent of a row follows from its cells and the list's mapping.
- JSON that is only ever stored and handed out whole is kept as text (`json`), not taken apart (`jsonb`).
- No index holds every row but the primary key: whoever looks for an identity, for valid or for matched rows walks one
  list; the others are few.
- Rows hang on their list by two triggers instead of two foreign keys, which asked once per row and key.
- The policy's check looks the workspace up once per statement.
- Pieces of files are stored as they are: packing them was half of the database's work for an upload.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import CURRENT_WORKSPACE

revision = "0010"
down_revision = "0009"

ROWS = "enrichment_rows"
IDENTITY = "ix_enrichment_rows_workspace_id_enrichment_id_identity"
OUTCOME = "ix_enrichment_rows_workspace_id_enrichment_id_outcome_number"
VERDICT = "ix_enrichment_rows_workspace_id_enrichment_id_verdict_number"
TEXTS = ("cells", "problems", "found")
FUNCTIONS = ("enrichment_rows_have_a_list", "enrichment_rows_stay", "enrichment_rows_go")

_KEYS = {
    "email": "email", "business_email": "business_email", "personal_email": "personal_email",
    "email_sha256": "sha256_personal_email", "phone": "phone", "linkedin_url": "linkedin_url",
    "first_name": "first_name", "last_name": "last_name", "company_name": "company_name",
    "company_domain": "company_domain", "job_title": "job_title", "address": "personal_address",
    "city": "personal_city", "state": "personal_state", "zip": "personal_zip", "industry": "company_industry",
    "up_id": "up_id",
}  # fmt: skip


def upgrade() -> None:
    for name in (IDENTITY, VERDICT, OUTCOME):
        op.drop_index(name, ROWS)
    _retype("json")
    op.drop_column(ROWS, "record")
    _index("verdict", "verdict <> 'valid'")
    _index("outcome", "outcome IN ('skipped', 'error')")
    op.drop_constraint("fk_enrichment_rows_workspace_id_enrichment_id", ROWS)
    op.drop_constraint("fk_enrichment_rows_workspace_id", ROWS)
    _hang_on_lists()
    _check_workspace(f"(SELECT {CURRENT_WORKSPACE})")
    op.execute("ALTER TABLE enrichment_file_parts ALTER body SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE enrichment_file_parts ALTER body SET STORAGE EXTENDED")
    _check_workspace(CURRENT_WORKSPACE)
    op.execute(f"DROP TRIGGER enrichment_rows_go ON enrichments; DROP TRIGGER enrichment_rows_stay ON {ROWS}")
    op.execute(f"DROP TRIGGER enrichment_rows_have_a_list ON {ROWS}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
    parent, keys = ["workspace_id", "enrichment_id"], ["workspace_id", "id"]
    name = op.f("fk_enrichment_rows_workspace_id_enrichment_id")
    op.create_foreign_key(name, ROWS, "enrichments", parent, keys, ondelete="CASCADE")
    name = op.f("fk_enrichment_rows_workspace_id")
    op.create_foreign_key(name, ROWS, "workspaces", ["workspace_id"], ["id"], ondelete="CASCADE")
    for name in (VERDICT, OUTCOME):
        op.drop_index(name, ROWS)
    _retype("jsonb")
    op.add_column(ROWS, sa.Column("record", postgresql.JSONB(), nullable=True))
    _fill_records()
    op.create_index(
        IDENTITY,
        ROWS,
        ["workspace_id", "enrichment_id", "identity"],
        unique=False,
        postgresql_where=sa.text("identity IS NOT NULL"),
    )
    _index("verdict", None)
    _index("outcome", "outcome IS NOT NULL")


def _index(column: str, where: str | None) -> None:
    """Of the rows of a list by a column and their number."""
    op.create_index(
        f"ix_enrichment_rows_workspace_id_enrichment_id_{column}_number",
        ROWS,
        ["workspace_id", "enrichment_id", column, "number"],
        unique=False,
        postgresql_where=sa.text(where) if where else None,
    )


def _retype(kind: str) -> None:
    """One rewrite of the table. The word null, which JSON has besides SQL's, becomes SQL's."""
    changes = (f"ALTER {name} TYPE {kind} USING nullif({name}::text, 'null')::{kind}" for name in TEXTS)
    op.execute(f"ALTER TABLE {ROWS} {', '.join(changes)}")


def _check_workspace(current: str) -> None:
    op.execute(f"ALTER POLICY {ROWS}_tenant ON {ROWS} WITH CHECK (workspace_id = {current})")


def _hang_on_lists() -> None:
    """What the foreign keys said. A new row's list is locked against deletion as a key would lock it."""
    op.execute(
        """
        CREATE FUNCTION enrichment_rows_have_a_list() RETURNS trigger
        LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        DECLARE
            list record;
        BEGIN
            FOR list IN SELECT DISTINCT workspace_id, enrichment_id FROM given LOOP
                PERFORM FROM enrichments e
                  WHERE e.workspace_id = list.workspace_id AND e.id = list.enrichment_id FOR KEY SHARE;
                IF NOT FOUND THEN
                    RAISE foreign_key_violation USING MESSAGE = 'a row of a list that does not exist';
                END IF;
            END LOOP;
            RETURN NULL;
        END $$;

        CREATE FUNCTION enrichment_rows_stay() RETURNS trigger
        LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        BEGIN
            RAISE foreign_key_violation USING MESSAGE = 'a row stays in its list';
        END $$;

        CREATE FUNCTION enrichment_rows_go() RETURNS trigger
        LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        BEGIN
            DELETE FROM enrichment_rows r WHERE r.workspace_id = OLD.workspace_id AND r.enrichment_id = OLD.id;
            RETURN NULL;
        END $$;

        CREATE TRIGGER enrichment_rows_have_a_list AFTER INSERT ON enrichment_rows
            REFERENCING NEW TABLE AS given FOR EACH STATEMENT EXECUTE FUNCTION enrichment_rows_have_a_list();
        CREATE TRIGGER enrichment_rows_stay AFTER UPDATE OF workspace_id, enrichment_id ON enrichment_rows
            FOR EACH ROW WHEN ((OLD.workspace_id, OLD.enrichment_id) IS DISTINCT FROM
                               (NEW.workspace_id, NEW.enrichment_id))
            EXECUTE FUNCTION enrichment_rows_stay();
        CREATE TRIGGER enrichment_rows_go AFTER DELETE ON enrichments
            FOR EACH ROW EXECUTE FUNCTION enrichment_rows_go();
        """
    )


def _fill_records() -> None:
    """What is sent of rows that have no outcome yet: their mapped cells as they stand. The version that needs them
    normalizes on its own what it joins by; a malformed value beside a good one is sent along."""
    keys = ", ".join(f"('{field}', '{key}')" for field, key in _KEYS.items())
    op.execute(
        f"""
        UPDATE enrichment_rows r
           SET record = (
               SELECT jsonb_object_agg(given.key, given.text)
                 FROM (SELECT k.key, btrim(r.cells ->> m.key::int)
                         FROM jsonb_each_text(e.mapping) m JOIN (VALUES {keys}) k (field, key) ON k.field = m.value
                       UNION ALL
                       SELECT part.key, btrim(substring(btrim(r.cells ->> m.key::int) FROM part.pattern))
                         FROM jsonb_each_text(e.mapping) m,
                              (VALUES ('first_name', '^[^ ]+'), ('last_name', ' .*$')) part (key, pattern)
                        WHERE m.value = 'full_name') given (key, text)
                WHERE given.text <> '')
          FROM enrichments e
         WHERE e.workspace_id = r.workspace_id AND e.id = r.enrichment_id
           AND r.identity IS NOT NULL AND r.outcome IS NULL
        """
    )
