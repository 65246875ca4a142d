"""Write to the catalog through one protocol, which PostgreSQL and Supabase writers implement."""
