"""From a table of albums and their covers to rows with embeddings.

tables ──► mapping ──► covers ──► hashing ──► embedding ──► writing
              └───────────┴──────────┴────────────┴────────────┴──► report of rejected rows
"""
