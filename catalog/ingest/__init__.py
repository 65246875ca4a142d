"""Turn a table of albums and their covers into rows with embeddings.

tables ──► columns ──► covers ──► album_loading ──► embedding ──► batch_writing ──► thumbnail_storage
              └───────────┴───────────┴────────────────┴──────────────┴──► report of rejected rows
"""
