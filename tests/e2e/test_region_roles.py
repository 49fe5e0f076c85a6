"""Each part of the region reaches what it needs in PostgreSQL and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, errors, sql

from domain.errors import ConfigError
from domain.world import World
from regional import database, queries
from regional.database import Role, as_role
from regional.postgres import Cluster
from regional.serve import DSN_VARIABLE, EmbeddedRegion
from sync.client import RegionClient
from sync.visit import sync_once
from tests.fakes.outbox import enrolled
from tests.region_fixtures import CLINIC

API = [
    "SELECT body FROM child",
    "SELECT body FROM dose",
    "SELECT 1 FROM visit",
    "SELECT 1 FROM aefi",
    "SELECT old FROM child_change",
    "SELECT body FROM correction",
    "SELECT data FROM quarantine",
    "SELECT * FROM child_0",
    "SELECT dose_body('c', 'd', 'k')",
    "DELETE FROM batch",
    "UPDATE batch SET file = ''",
    "TRUNCATE batch",
    "DELETE FROM event",
    "INSERT INTO event SELECT * FROM event",
    "UPDATE terminal SET revoked_at = NULL",
    "UPDATE terminal SET public_key = ''",
    "DELETE FROM terminal",
    "INSERT INTO enrolment_code VALUES ('', '3101150101', '1', now())",
    "UPDATE enrolment_code SET expires_at = now()",
    "INSERT INTO clinic (code, name) VALUES ('x', 'x')",
    "DELETE FROM lookup",
    "UPDATE region_state SET generation = ''",
    "INSERT INTO reference VALUES (DEFAULT, '', '', '', now(), '', '')",
]
WORKER = [
    "SELECT 1 FROM enrolment_code",
    "SELECT 1 FROM number_series",
    "SELECT 1 FROM lease",
    "SELECT 1 FROM lookup",
    "UPDATE batch SET file = ''",
    "DELETE FROM batch",
    "INSERT INTO batch SELECT * FROM batch",
    "DELETE FROM event",
    "UPDATE event SET data = ''",
    "UPDATE terminal SET revoked_at = NULL",
    "UPDATE region_state SET generation = ''",
]
READ = [
    "SELECT body FROM child",
    "SELECT child_id FROM dose",
    "SELECT 1 FROM child_identifier",
    "SELECT data FROM event",
    "SELECT file FROM batch",
    "SELECT data FROM quarantine",
    "SELECT child_id FROM review",
    "SELECT public_key FROM terminal",
    "SELECT 1 FROM enrolment_code",
    "SELECT 1 FROM lookup",
    "SELECT 1 FROM record_access",
    "SELECT child_record(ARRAY['c'])",
    "UPDATE region_staff SET grade = 'reviewer'",
    "UPDATE review SET open = false",
    "DELETE FROM dose",
]
EVERYONE = [
    "SELECT 1 FROM region_audit",
    "DELETE FROM migration",
    "CREATE TABLE mine (x int)",
    "CREATE ROLE friend",
    "ALTER ROLE vaxdesk_api SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "ALTER TABLE batch OWNER TO vaxdesk_api",
]
_OTHERS = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
FORBIDDEN = [
    (role, statement)
    for role, statements in {"api": API, "worker": WORKER, "read": READ}.items()
    for statement in (*statements, *EVERYONE)
]


@pytest.mark.parametrize("role, statement", FORBIDDEN)
def test_what_a_role_may_not_do(region: EmbeddedRegion, role: Role, statement: str) -> None:
    with psycopg.connect(as_role(region.dsn, role)) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT clinic, body ->> 'vaccine', left(stated, 10), count(*) FROM dose WHERE given GROUP BY 1, 2, 3",
        "SELECT terminal_id, clinic_code, desk, registration FROM terminal JOIN epoch USING (terminal_id, epoch)",
        "SELECT reason, count(*) FROM quarantine GROUP BY 1",
        "SELECT count(*) FROM batch WHERE applied_at IS NULL",
    ],
)
def test_what_the_dashboard_reads(region: EmbeddedRegion, statement: str) -> None:
    with psycopg.connect(as_role(region.dsn, "read")) as connection:
        connection.execute(statement.encode())


def test_the_processes_run_with_these_rights_and_that_is_enough(cluster: Cluster, tmp_path: Path) -> None:
    """A region with a database of its own: real logins, which cannot become another role."""
    with EmbeddedRegion(tmp_path, temporary=True, workers=1) as region:
        world, ca_pem = World(), region.ca_file.read_text()
        outbox, me, _ = enrolled(region.url, ca_pem, region.new_code(clinic=CLINIC), world)

        client = RegionClient(region.url, ca_pem, me.key, world, client="vaxdesk/0.1.0")
        dose = outbox.give("child")
        sync_once(outbox, client, me, world)
        assert region.wait_applied(30)
        assert queries.dose_ids(region.dsn) == [dose]
        client.close()
        with queries.connect(region.dsn) as connection:
            users = connection.execute(_OTHERS)
            assert {user for (user,) in users} == {"vaxdesk_api", "vaxdesk_worker"}
        login = conninfo.make_conninfo(region.dsn, user="vaxdesk_api")
        for role in ("vaxdesk", "vaxdesk_worker", "vaxdesk_read"):
            with psycopg.connect(login) as connection, pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"SET ROLE {role}".encode())


def test_a_dsn_for_each_part_is_used(
    new_dsn: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a database of one's own is served with: the owner only prepares it."""
    owner = new_dsn()
    database.migrate(owner, World())
    for role in ("api", "worker"):
        monkeypatch.setenv(f"{DSN_VARIABLE}_{role.upper()}", conninfo.make_conninfo(owner, user=f"vaxdesk_{role}"))
    served_with = os.environ[f"{DSN_VARIABLE}_API"]
    with EmbeddedRegion(tmp_path, dsn=served_with, workers=1) as region:
        with queries.connect(owner) as connection:
            users = connection.execute(_OTHERS)
            assert {user for (user,) in users} <= {"vaxdesk_api", "vaxdesk_worker"}
        with pytest.raises(errors.InsufficientPrivilege):
            region.new_code(clinic=CLINIC)


def test_who_owns_nothing_looks_whether_all_is_there(new_dsn: Callable[[], str]) -> None:
    owner = new_dsn()
    database.migrate(owner, World())
    login = conninfo.make_conninfo(owner, user="vaxdesk_api")
    database.migrate(login, World())
    with psycopg.connect(owner) as connection:
        connection.execute("DELETE FROM migration WHERE number = (SELECT max(number) FROM migration)")
    with pytest.raises(ConfigError) as caught:
        database.migrate(login, World())
    known = len(database.MIGRATIONS)
    assert (caught.value.code, caught.value.params) == ("region.older_database", {"found": known - 1, "known": known})


def test_an_owner_that_may_make_roles_needs_no_superuser(cluster: Cluster, tmp_path: Path) -> None:
    """As a provider of databases gives it: an owner with CREATEROLE steps down to each role; one without is told."""
    with Cluster(tmp_path, temporary=True) as fresh:
        database.create(fresh.dsn("postgres"), "region")
        with psycopg.connect(fresh.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE landlord NOLOGIN")
            connection.execute("ALTER DATABASE region OWNER TO landlord")
        as_landlord = conninfo.make_conninfo(fresh.dsn(), options="-c role=landlord")
        with pytest.raises(ConfigError) as caught:
            database.migrate(as_landlord, World())
        assert caught.value.code == "region.no_roles"
        with psycopg.connect(fresh.dsn(), autocommit=True) as connection:
            connection.execute("ALTER ROLE landlord CREATEROLE")
        database.migrate(as_landlord, World())
        with psycopg.connect(fresh.dsn()) as connection:
            connection.execute("SET SESSION AUTHORIZATION landlord")
            for role in database.ROLES:
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"vaxdesk_{role}")))
                connection.execute("SELECT 1 FROM region_state")
                connection.execute("RESET ROLE")


def test_every_table_is_somebodys(region: EmbeddedRegion) -> None:
    """A new table is forgotten here until roles.sql says who uses it."""
    with queries.connect(region.dsn) as connection:
        rows = connection.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
            " AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM unnest(%s::text[]) AS role"
            " WHERE has_any_column_privilege(role, c.oid, 'SELECT, INSERT'))",
            ([f"vaxdesk_{role}" for role in database.ROLES],),
        )
        assert {name for (name,) in rows} == {"region_audit", "record_access", "heard"}  # the last a hub's relay's


def test_the_audit_is_only_added_to(region: EmbeddedRegion) -> None:
    """Not even by the owner, who would have to drop the trigger."""
    with queries.connect(region.dsn) as connection:
        for statement in ("DELETE FROM region_audit", "UPDATE region_audit SET actor = ''", "TRUNCATE region_audit"):
            with pytest.raises(errors.RaiseException):
                connection.execute(statement.encode())
