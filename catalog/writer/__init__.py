"""Write to the catalog: one protocol with two implementations, PostgreSQL and Supabase."""
