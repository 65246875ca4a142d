"""The album catalog: its protocol and the two implementations, Supabase and PostgreSQL."""
