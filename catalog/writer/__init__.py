"""Writing to the catalog: one protocol, by PostgreSQL and by Supabase."""
