"""Leads and their contact points: identity by partial unique indexes, word search behind a definer function."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from db.policies import CURRENT_WORKSPACE, definer_function, protect

revision = "0003"
down_revision = "0002"

SEARCH = "search_leads(text[], integer)"
SMALL_INDEXES = {
    "contactable": ["has_email", "has_verified_email", "has_phone", "has_linkedin", "source"],
    "seniority": ["seniority"],
    "department": ["department"],
    "company_size": ["company_size"],
}


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")  # lets the word index start with the workspace
    _tables()
    for table in ("leads", "lead_emails", "lead_phones"):
        protect(table)
    protect("lead_raw_records", app="SELECT, INSERT, DELETE")
    protect("lead_sources", app="SELECT, INSERT, UPDATE (ledger_line_id)")
    _search()
    op.execute(
        "ALTER TABLE leads SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
    )


def _search() -> None:
    """Row-level security keeps LIKE away from the trigram index (reliability D-10), so word search runs as the owner.

    `patterns` are LIKE patterns, all of which must match. The workspace comes from the setting alone; without it there
    is no row. The statement is put together from numbers only: each pattern stays a parameter, and is planned with its
    value, because words differ too much for one plan.
    """
    op.execute(
        f"""
        CREATE FUNCTION search_leads(patterns text[], at_most integer) RETURNS SETOF uuid
        LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp
        ROWS 1000 AS $body$
        DECLARE
            words text := '';
        BEGIN
            FOR i IN 1 .. least(cardinality(patterns), 8) LOOP
                words := words || format(' AND search_text LIKE $1[%s]', i);
            END LOOP;
            RETURN QUERY EXECUTE
                $query$ SELECT id FROM leads
                        WHERE workspace_id = {CURRENT_WORKSPACE} AND deleted_at IS NULL $query$
                || words || ' LIMIT $2'
                USING patterns, at_most;
        END
        $body$
        """
    )
    definer_function(SEARCH)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SEARCH}")
    for table in ("lead_sources", "lead_raw_records", "lead_phones", "lead_emails", "leads"):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "leads",
        sa.Column("provider_uuid", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column(
            "name_sort",
            sa.Text(),
            sa.Computed(
                "nullif(btrim(lower(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))), '')", persisted=True
            ),
            nullable=True,
        ),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_norm", sa.Text(), nullable=True),
        sa.Column("email_verification", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_norm", sa.Text(), nullable=True),
        sa.Column("phone_do_not_call", sa.Boolean(), nullable=True),
        sa.Column("linkedin_url", sa.Text(), nullable=True),
        sa.Column("linkedin_norm", sa.Text(), nullable=True),
        sa.Column("twitter_url", sa.Text(), nullable=True),
        sa.Column("facebook_url", sa.Text(), nullable=True),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("job_title_norm", sa.Text(), nullable=True),
        sa.Column("headline", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("seniority", sa.Text(), nullable=True),
        sa.Column("years_experience", sa.SmallInteger(), nullable=True),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("company_norm", sa.Text(), nullable=True),
        sa.Column("company_domain", sa.Text(), nullable=True),
        sa.Column("company_description", sa.Text(), nullable=True),
        sa.Column("company_linkedin_url", sa.Text(), nullable=True),
        sa.Column("company_phone", sa.Text(), nullable=True),
        sa.Column("company_address", sa.Text(), nullable=True),
        sa.Column("company_city", sa.Text(), nullable=True),
        sa.Column("company_state", sa.Text(), nullable=True),
        sa.Column("company_postal_code", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("company_size", sa.Text(), nullable=True),
        sa.Column("company_revenue", sa.Text(), nullable=True),
        sa.Column("sic", sa.Text(), nullable=True),
        sa.Column("naics", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("city_norm", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("state_is_company_derived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("age_range", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("is_homeowner", sa.Boolean(), nullable=True),
        sa.Column("is_married", sa.Boolean(), nullable=True),
        sa.Column("has_children", sa.Boolean(), nullable=True),
        sa.Column(
            "demographics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("has_email", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_verified_email", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_phone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_linkedin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(' ' || coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(company_name, '') || ' ' || coalesce(job_title, '') || ' ' || coalesce(email, ''))",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "email_verification IN ('verified', 'catch_all', 'unknown', 'invalid', 'none')",
            name=op.f("ck_leads_email_verification"),
        ),
        sa.CheckConstraint(
            "source IN ('database', 'upload', 'pixel', 'marketplace', 'manual')", name=op.f("ck_leads_source")
        ),
        sa.CheckConstraint("years_experience BETWEEN 0 AND 99", name=op.f("ck_leads_years_experience")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_leads_created_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_leads_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_leads_workspace_id_id")),
    )
    op.create_index(
        "ix_leads_city_norm",
        "leads",
        ["workspace_id", "city_norm", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_company_domain",
        "leads",
        ["workspace_id", "company_domain"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_company_norm",
        "leads",
        ["workspace_id", "company_norm", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_created_at",
        "leads",
        ["workspace_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    for name, columns in SMALL_INDEXES.items():
        op.create_index(
            f"ix_leads_{name}", "leads", ["workspace_id", *columns], postgresql_where=sa.text("deleted_at IS NULL")
        )
    op.create_index(
        "ix_leads_filters",
        "leads",
        [
            "workspace_id",
            "seniority",
            "state",
            "industry",
            "company_size",
            "department",
            "has_email",
            "has_verified_email",
            "has_phone",
            "has_linkedin",
            "source",
            "email_verification",
            "years_experience",
            "company_revenue",
            "age_range",
            "gender",
            "created_at",
        ],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_industry",
        "leads",
        ["workspace_id", "industry", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_job_title_norm",
        "leads",
        ["workspace_id", "job_title_norm", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_name_sort",
        "leads",
        ["workspace_id", "name_sort", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_search_text",
        "leads",
        ["workspace_id", "search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_leads_state",
        "leads",
        ["workspace_id", "state", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_leads_email_norm",
        "leads",
        ["workspace_id", "email_norm"],
        unique=True,
        postgresql_where=sa.text("email_norm IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "uq_leads_linkedin_norm",
        "leads",
        ["workspace_id", "linkedin_norm"],
        unique=True,
        postgresql_where=sa.text("linkedin_norm IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "uq_leads_phone_norm",
        "leads",
        ["workspace_id", "phone_norm"],
        unique=True,
        postgresql_where=sa.text(
            "phone_norm IS NOT NULL AND email_norm IS NULL AND linkedin_norm IS NULL AND provider_uuid IS NULL AND deleted_at IS NULL"
        ),
    )
    op.create_index(
        "uq_leads_provider_uuid",
        "leads",
        ["workspace_id", "provider_uuid"],
        unique=True,
        postgresql_where=sa.text("provider_uuid IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "lead_emails",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_norm", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("verification", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('business', 'personal')", name=op.f("ck_lead_emails_kind")),
        sa.CheckConstraint(
            "verification IN ('verified', 'catch_all', 'unknown', 'invalid', 'none')",
            name=op.f("ck_lead_emails_verification"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "lead_id"],
            ["leads.workspace_id", "leads.id"],
            name=op.f("fk_lead_emails_workspace_id_lead_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_lead_emails_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", "position", name=op.f("pk_lead_emails")),
    )
    op.create_index("uq_lead_emails_address_norm", "lead_emails", ["workspace_id", "address_norm"], unique=True)
    op.create_table(
        "lead_phones",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("do_not_call", sa.Boolean(), nullable=True),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "lead_id"],
            ["leads.workspace_id", "leads.id"],
            name=op.f("fk_lead_phones_workspace_id_lead_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_lead_phones_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", "position", name=op.f("pk_lead_phones")),
    )
    op.create_index("ix_lead_phones_e164", "lead_phones", ["workspace_id", "e164"], unique=False)
    op.create_table(
        "lead_raw_records",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "lead_id"],
            ["leads.workspace_id", "leads.id"],
            name=op.f("fk_lead_raw_records_workspace_id_lead_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_lead_raw_records_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", name=op.f("pk_lead_raw_records")),
    )
    op.create_table(
        "lead_sources",
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=True),
        sa.Column("segment_run_id", sa.Uuid(), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("cost", sa.Numeric(precision=14, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("ledger_line_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "source IN ('database', 'upload', 'pixel', 'marketplace', 'manual')", name=op.f("ck_lead_sources_source")
        ),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_lead_sources_cost_not_negative")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "lead_id"],
            ["leads.workspace_id", "leads.id"],
            name=op.f("fk_lead_sources_workspace_id_lead_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_lead_sources_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_sources")),
    )
    op.create_index(
        op.f("ix_lead_sources_workspace_id_lead_id"), "lead_sources", ["workspace_id", "lead_id"], unique=False
    )
    op.create_index(
        op.f("ix_lead_sources_workspace_id_segment_id_lead_id"),
        "lead_sources",
        ["workspace_id", "segment_id", "lead_id"],
        unique=False,
    )
    op.create_index(
        "uq_lead_sources_segment_run_id",
        "lead_sources",
        ["workspace_id", "segment_run_id", "lead_id"],
        unique=True,
        postgresql_where=sa.text("segment_run_id IS NOT NULL"),
    )
