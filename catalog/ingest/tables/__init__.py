"""Read tables of albums row by row.

file ──► gzip? ──► encoding ──► CSV │ JSON Lines │ JSON array ──► rows
   └──────────────────────────────► Parquet ─────────────────────► rows
"""
