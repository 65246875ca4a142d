"""Database objects that depend on the live table, and how a swap of the table treats them.

A swap restores the owner, grants, membership in publications and replica identity on the new table. A swap is
refused if triggers, policies, rules, foreign keys, views or other objects depend on the live table.
"""

import psycopg

from catalog.database.vector_index import TABLE
from common.errors import CatalogError

#: The names of the triggers that the schema or the swap itself creates.
_OWN_TRIGGERS = (
    "album_covers_all_names",
    "album_covers_artist_key",
    "album_covers_changed",
    "album_covers_genres",
    "album_covers_names",
    "album_covers_palette",
    "album_covers_row_applied",
    "album_covers_forget_next",
    "album_covers_forget_all_next",
)

#: A query for objects that a swap would lose: they depend on the table or its row type but are not part of
#: it.
_LOST = f"""
WITH live AS (
  SELECT oid, reltype, (SELECT typarray FROM pg_type WHERE pg_type.oid = reltype) AS typarray
  FROM pg_class WHERE oid = '{TABLE}'::regclass
)
SELECT 'trigger ' || tgname FROM pg_trigger, live
WHERE tgrelid = live.oid AND NOT tgisinternal AND tgname <> ALL (%(own)s)
UNION SELECT 'policy ' || polname FROM pg_policy, live WHERE polrelid = live.oid
UNION SELECT 'rule ' || rulename FROM pg_rewrite, live WHERE ev_class = live.oid
UNION SELECT 'constraint ' || conname FROM pg_constraint, live
WHERE conrelid = live.oid AND contype IN ('f', 'x')
UNION SELECT 'publication of some of its columns or rows, ' || pubname
FROM live, pg_publication_rel member JOIN pg_publication ON pg_publication.oid = prpubid
WHERE prrelid = live.oid
  -- Read through JSON, because prqual and prattrs do not exist in PostgreSQL before version 15.
  AND coalesce(to_jsonb(member) ->> 'prqual', to_jsonb(member) ->> 'prattrs') IS NOT NULL
UNION SELECT 'publication that is not yours, ' || pubname
FROM live, pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid
WHERE prrelid = live.oid AND NOT pg_has_role(pubowner, 'USAGE')
UNION SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d, live
WHERE d.deptype = 'n'
  AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, live.oid), ('pg_type'::regclass, live.reltype),
                                     ('pg_type'::regclass, live.typarray))
  AND NOT EXISTS (
    SELECT FROM pg_depend part
    WHERE (part.classid, part.objid) = (d.classid, d.objid) AND part.deptype IN ('a', 'i')
      AND (part.refclassid, part.refobjid) = ('pg_class'::regclass, live.oid)
  )
ORDER BY 1
"""  # noqa: S608 - names of this file

#: A query for the statements that restore owner, grants, publications and replica identity on the new table.
_TAKEN = f"""
WITH live AS (SELECT * FROM pg_class WHERE oid = '{TABLE}'::regclass),
grants AS (
  SELECT acl.*, '' AS columns FROM live, aclexplode(relacl) acl
  UNION ALL
  SELECT acl.*, format(' (%I)', attname) FROM live JOIN pg_attribute ON attrelid = live.oid,
    aclexplode(attacl) acl
  WHERE NOT attisdropped
)
SELECT 1, format('ALTER TABLE {TABLE} OWNER TO %I', pg_get_userbyid(relowner)) FROM live
WHERE pg_get_userbyid(relowner) <> current_user
UNION ALL
SELECT 2, format('GRANT %s%s ON {TABLE} TO %s%s', privilege_type, columns,
                 CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                 CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM grants, live WHERE grantee <> relowner
UNION ALL
SELECT 3, format('ALTER PUBLICATION %I ADD TABLE {TABLE}', pubname)
FROM live JOIN pg_publication_rel ON prrelid = live.oid JOIN pg_publication ON pg_publication.oid = prpubid
UNION ALL
SELECT 4, 'ALTER TABLE {TABLE} REPLICA IDENTITY ' || CASE relreplident
  WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || (
    SELECT quote_ident(relname) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = live.oid AND indisreplident) END
FROM live WHERE relreplident <> 'd'
ORDER BY 1, 2
"""  # noqa: S608 - names of this file


def require_no_dependent_objects(connection: psycopg.Connection) -> None:
    """Raise an error if a swap would lose objects that depend on the live table.

    Raises:
        CatalogError: a swap would lose objects; the message names them.
    """
    lost = [str(row[0]) for row in connection.execute(_LOST, {"own": list(_OWN_TRIGGERS)})]
    if lost:
        raise CatalogError(
            f"{TABLE} has objects that a move would lose: {'; '.join(lost)}; drop them, and create them "
            "again after the move"
        )


def reattach_statements(connection: psycopg.Connection) -> list[bytes]:
    """Return the statements that restore owner, grants, publications and replica identity after the swap."""
    return [str(row[1]).encode() for row in connection.execute(_TAKEN)]
