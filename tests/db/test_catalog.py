"""The third lock on every table, read from the database itself: a table, function or role that is added without it
fails here (T2-T6, T21-T23)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Table, create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from cursive_app.settings import Settings
from db.engine import Database, owner_url
from db.roles import APP_ROLE, SYSTEM_ROLE
from tests.db.catalog import SHARED, insert_synthetic, may, relations, tables, workspace_column
from tests.factories import Cast

OWNED = [table for table in tables() if workspace_column(table)]
OURS = (APP_ROLE, SYSTEM_ROLE)


@pytest.fixture(scope="module")
def owner(config: Settings, database: Database) -> Iterator[Engine]:
    engine = create_engine(owner_url(config))
    yield engine
    engine.dispose()


@pytest.fixture
def catalog(owner: Engine) -> Iterator[Connection]:
    with owner.connect() as connection:
        yield connection


def test_every_table_is_under_forced_row_level_security(catalog: Connection) -> None:
    found = {row.name: row for row in relations(catalog) if row.kind in "rp" and not row.partition}
    assert set(found) >= {table.name for table in tables()}
    open_tables = [name for name, row in found.items() if not (row.rls and row.forced)]
    assert open_tables == []


def test_what_the_restricted_role_may_touch_has_a_workspace_policy(catalog: Connection) -> None:
    policies = catalog.execute(
        text("SELECT tablename, qual, with_check FROM pg_policies WHERE :role = ANY(roles)"), {"role": APP_ROLE}
    ).all()
    closed = {row.tablename for row in policies if "app.workspace_id" in f"{row.qual}"}
    checked = {row.tablename for row in policies if "app.workspace_id" in f"{row.with_check}"}
    for row in relations(catalog):
        allowed = may(catalog, APP_ROLE, row.name)
        assert not allowed & {"TRUNCATE", "REFERENCES", "TRIGGER"}, f"{row.name}: {allowed}"
        if not allowed:
            continue
        if row.name in SHARED:
            assert allowed == {"SELECT"}, f"{row.name} is shared by all workspaces and must be read-only"
            continue
        assert row.kind in "rp", f"{row.name}: a view or foreign table has no row-level security of its own (T21)"
        assert row.name in closed, f"{row.name} is granted to {APP_ROLE} without a workspace policy"
        assert row.name in checked, f"{row.name} has no WITH CHECK for {APP_ROLE} (T4)"


def test_every_policy_reads_the_workspace_in_the_one_safe_way(catalog: Connection) -> None:
    """T3: a policy with a cast of its own would end in an error where the setting is garbage."""
    policies = catalog.execute(
        text("SELECT tablename, qual, with_check FROM pg_policies WHERE :role = ANY(roles)"), {"role": APP_ROLE}
    ).all()
    unsafe = [
        f"{row.tablename}: {expression}"
        for row in policies
        for expression in (row.qual, row.with_check)
        if "app.workspace_id" in f"{expression}" and " ".join(f"{expression}".split()) not in _safe(row.tablename)
    ]
    assert unsafe == []


def _safe(table: str) -> set[str]:
    """The one form, as the database writes it, for the columns of this table."""
    setting = "current_setting('app.workspace_id'::text, true)"
    read = f"CASE WHEN pg_input_is_valid({setting}, 'uuid'::text) THEN ({setting})::uuid ELSE NULL::uuid END"
    columns = [owned.c for owned in OWNED if owned.name == table]
    return {f"({column.name} = {read})" for names in columns for column in names}


@pytest.mark.parametrize("table", ["leads", "jobs", "credit_ledger", "saved_segments", "enrichment_rows"])
def test_the_workspace_of_a_policy_is_looked_up_in_an_index(database: Database, cast: Cast, table: str) -> None:
    """A plain list of a workspace's rows, without a predicate of its own, is no walk through everybody's."""
    with cast.alice.begin() as scope:
        scope.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(scope.session.scalars(text(f"EXPLAIN SELECT * FROM {table}")))
    assert "Index Cond: (workspace_id = CASE" in plan, plan


def test_no_policy_lets_the_restricted_role_see_everything(catalog: Connection) -> None:
    wide = catalog.execute(
        text(
            "SELECT tablename, policyname, roles::text[] FROM pg_policies WHERE schemaname = 'public' "
            "AND (qual = 'true' OR with_check = 'true') AND NOT roles::text[] = ARRAY[:system]"
        ),
        {"system": SYSTEM_ROLE},
    ).all()
    assert [row for row in wide if row.tablename not in SHARED] == []


def test_people_and_sessions_are_out_of_reach_of_the_restricted_role(catalog: Connection) -> None:
    for name in ("users", "user_sessions", "mailed_tokens", "outgoing_mails", "schedule_ticks", "clock_leaders"):
        assert may(catalog, APP_ROLE, name) == set(), name
    queue = catalog.scalars(
        text(r"SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate\_%' AND relkind = 'r'")
    )
    for name in queue.all():
        assert may(catalog, APP_ROLE, name) == set(), name


def test_no_role_of_ours_has_power_over_the_locks(catalog: Connection) -> None:
    """T23: no role but the server's own superuser bypasses row-level security, and ours own nothing."""
    roles = catalog.execute(
        text(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
            r"WHERE rolname NOT LIKE 'pg\_%'"
        )
    ).all()
    assert {row.rolname for row in roles} >= set(OURS)
    for row in roles:
        if not row.rolsuper:
            assert not row.rolbypassrls, row.rolname
        if row.rolname in OURS:
            assert not any((row.rolsuper, row.rolbypassrls, row.rolcreaterole, row.rolcreatedb, row.rolreplication))
    owned = catalog.scalar(
        text("SELECT count(*) FROM pg_class WHERE relowner IN (SELECT oid FROM pg_roles WHERE rolname = ANY(:ours))"),
        {"ours": list(OURS)},
    )
    assert owned == 0
    members = catalog.scalars(
        text("SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = "
             "m.member WHERE u.rolname = ANY(:ours)"),
        {"ours": list(OURS)},
    ).all()  # fmt: skip
    assert members == [], "a role of ours is a member of another one"


def test_definer_functions_cannot_be_led_astray(catalog: Connection) -> None:
    """T22: a fixed search_path, nobody from PUBLIC, and the workspace from the setting."""
    functions = catalog.execute(
        text(
            "SELECT p.oid::regprocedure::text AS signature, p.proname AS name, p.proconfig AS config, "
            "p.prosrc AS body, "
            "has_function_privilege(:app, p.oid, 'EXECUTE') AS app, "
            "EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) "
            "AS public FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
        ),
        {"app": APP_ROLE},
    ).all()
    assert functions, "there are definer functions"
    bound = _bound_to_the_workspace(catalog)
    for function in functions:
        paths = [item for item in function.config or [] if item.startswith("search_path=")]
        assert paths, f"{function.signature} has no fixed search_path"
        assert "$user" not in paths[0], function.signature
        assert paths[0].split("=")[1].split(",")[-1].strip().strip('"') == "pg_temp", (
            f"{function.signature}: {paths[0]}"
        )
        assert not function.public, f"{function.signature} may be called by everybody"
        if function.app and not function.name.startswith("procrastinate_"):
            assert function.name in bound, f"{function.signature} does not look at the workspace of the transaction"


def _bound_to_the_workspace(catalog: Connection) -> set[str]:
    """Functions that read the transaction's workspace, themselves or through a function they call."""
    rows = catalog.execute(text("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"))
    bodies = {row.proname: row.prosrc for row in rows}
    bound = {name for name, body in bodies.items() if "app.workspace_id" in body}
    while more := {
        name for name, body in bodies.items() if name not in bound and any(f"{known}(" in body for known in bound)
    }:
        bound |= more
    return bound


def test_a_child_row_cannot_point_into_another_workspace(catalog: Connection) -> None:
    """T6: a foreign key between two workspace-owned tables carries the workspace on both sides."""
    owned = {table.name: table for table in OWNED if table.name != "workspaces"}
    loose: list[str] = []
    for table in owned.values():
        for constraint in table.foreign_key_constraints:
            target = constraint.referred_table.name
            if target in owned and ("workspace_id", "workspace_id") not in [
                (element.parent.name, element.column.name) for element in constraint.elements
            ]:
                loose.append(f"{constraint.name} -> {target}")
    assert loose == []


def test_composite_keys_are_enforced_by_the_database(catalog: Connection) -> None:
    """The constraints of the models exist in the database and are validated."""
    unvalidated = catalog.scalars(
        text("SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated")
    ).all()
    assert unvalidated == []


@pytest.fixture(scope="module")
def victims(owner: Engine) -> Iterator[UUID]:
    """A workspace that owns one row in every table; nothing may reach them from outside."""
    from uuid import uuid4

    workspace = uuid4()
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in OWNED:
            insert_synthetic(connection, table, workspace)
    yield workspace
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in reversed(OWNED):
            connection.execute(table.delete().where(table.c[workspace_column(table)] == workspace))


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
@pytest.mark.parametrize("setting", ["other workspace", "", "garbage", None])
def test_nothing_of_another_workspace_can_be_seen_or_changed(
    database: Database, owner: Engine, victims: UUID, cast: Cast, table: Table, setting: str | None
) -> None:
    """T2, T3: as Charlie, with no workspace at all, and with something that is none."""
    column = table.c[workspace_column(table)]
    workspace = str(cast.charlie.workspace_id) if setting == "other workspace" else setting
    for statement in (
        select(text("1")).select_from(table).where(column == victims),
        table.update().where(column == victims).values({column.name: column}),
        table.delete().where(column == victims),
    ):
        with database.app.connect() as connection:
            if workspace is not None:
                connection.execute(text("SELECT set_config('app.workspace_id', :w, true)"), {"w": workspace})
            try:
                result = connection.execute(statement)
                assert (len(result.all()) if result.returns_rows else result.rowcount) == 0
            except ProgrammingError as error:
                assert "permission denied" in str(error.orig)
            connection.rollback()
    with owner.connect() as connection:
        assert connection.scalar(select(text("count(*)")).select_from(table).where(column == victims)) == 1


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_nothing_can_be_put_into_another_workspace(database: Database, cast: Cast, victims: UUID, table: Table) -> None:
    """T4: the policy refuses the row before any key or check is looked at."""
    with database.app.connect() as connection:
        connection.execute(
            text("SELECT set_config('app.workspace_id', :w, true)"), {"w": str(cast.charlie.workspace_id)}
        )
        with pytest.raises(DBAPIError) as refused:
            insert_synthetic(connection, table, victims)
    assert not isinstance(refused.value, IntegrityError)
    assert "row-level security" in str(refused.value.orig) or "permission denied" in str(refused.value.orig)


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE cursive_system",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE evil (id int)",
        "CREATE TEMP TABLE evil (id int)",
        "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
        "DROP POLICY jobs_tenant ON jobs",
        "COPY jobs TO PROGRAM 'cat'",
        "COPY jobs FROM '/etc/passwd'",
        "SET session_replication_role = replica",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER ROLE cursive_app BYPASSRLS",
        "GRANT cursive_system TO cursive_app",
    ],
)
def test_the_restricted_role_cannot_get_out(database: Database, statement: str) -> None:
    """T5."""
    with database.app.connect() as connection, pytest.raises(ProgrammingError) as refused:
        connection.execute(text(statement))
    assert "permission denied" in str(refused.value.orig) or "must be owner" in str(refused.value.orig)


def test_row_level_security_cannot_be_switched_off(database: Database) -> None:
    with database.app.connect() as connection:
        connection.execute(text("SET LOCAL row_security = off"))
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(text("SELECT * FROM jobs"))
